use super::*;

const BLOCKED: &[&str] = &[
    "/etc/passwd",
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/sudoers.d/90-x",
    "/root",
    "/root/",
    "/root/x/y",
    "/proc/self/environ",
    "/proc/self/root/etc/hostname",
    "/sys/kernel",
    "/dev/sda",
    "/home/a/.ssh/id_rsa",
    ".ssh/id_ed25519",
    "~/.ssh/id_rsa",
    "~a/.ssh/id_rsa",
    "~root/x",
    "/home/a/.ssh/authorized_keys",
    "authorized_keys",
    "/home/a/.gnupg",
    "x/.gnupg/secring.gpg",
    "~/.aws/credentials",
    "/home/a/.config/gcloud/x.db",
    "/srv/credentials.json",
    "credentials.json",
    "tls/server.pem",
    "server.key",
    ".key",
    // The case does not matter.
    "/ETC/Passwd",
    "/Proc/1",
    "server.PEM",
    "~/.SSH/ID_rsa",
    // Neither do steps on the way.
    "/usr/../etc/shadow",
    "/../etc/shadow",
    "//etc//shadow",
    "/./etc/./shadow/",
    "../../../etc/shadow",
    "a/../../etc/shadow",
    // What somebody else may decode.
    "/etc%2fshadow",
    "%2fetc%2fshadow",
    "/%65tc/shadow",
    "/%2565tc/shadow",
    "/%252525%2565tc/../etc/shadow",
    "/tmp/%2e%2e/etc/shadow",
    "/tmp%2f..%2fetc%2fshadow",
    r"\etc\shadow",
    r"..\..\etc\shadow",
    "..%5c..%5cetc%5cshadow",
    "/etc/shadow.",
    "/etc/shadow ",
    "/etc./shadow",
    " /etc/shadow",
    "/etc/shadow\0.txt",
    "/etc/shadow%00.txt",
    "/etc/shadow\n",
    "/etc/sha\u{200b}dow",
    "/etc/\u{ff53}hadow",
    "\u{ff0f}etc\u{2215}shadow",
    "server.key%20",
];

const FREE: &[&str] = &[
    "/etc",
    "/etc/hosts",
    "/etc/passwd-notes",
    "/etc/passwords",
    "etc/passwd",
    "/srv/etc/passwd",
    "/rooted",
    "/home/root/x",
    "/process",
    "/system",
    "/devices",
    "/srv/proc/x",
    "~/notes.txt",
    "/home/a/.ssh/config",
    "/home/a/.ssh/known_hosts",
    "/home/a/.aws/config",
    "/home/a/.config/x",
    "authorized_keys.txt",
    "credentials.json.md",
    "server.pem.txt",
    "pem",
    "key",
    "monkey",
    "x.key/y.txt",
    "100%",
    "100%zz",
    "%",
    "\u{e9}",
    "",
];

#[test]
fn blocked_places_are_known_in_every_spelling() {
    for path in BLOCKED {
        assert!(
            as_written(path, false),
            "{path:?} folds to {:?}",
            folded(path)
        );
    }
}

#[test]
fn other_places_are_free() {
    for path in FREE {
        assert!(
            !as_written(path, false),
            "{path:?} folds to {:?}",
            folded(path)
        );
    }
}

#[test]
fn percent_encoding_is_undone_once_and_only_where_it_is_some() {
    for (text, plain) in [
        ("a%2Fb", "a/b"),
        ("a%252fb", "a%2fb"),
        ("%", "%"),
        ("%2", "%2"),
        ("%+2", "%+2"),
        ("%é9", "%é9"),
        ("%c3%a9", "é"),
        ("%ff", "\u{fffd}"),
        ("100%", "100%"),
    ] {
        assert_eq!(decoded(text), plain, "{text}");
    }
}

/// The superuser's home is blocked but for what was granted in it; keys in it stay blocked.
#[test]
fn a_directory_granted_in_the_superusers_home_can_be_used() {
    assert!(as_written("/root/work/a.txt", false));
    assert!(!as_written("/root/work/a.txt", true));
    assert!(as_written("/root/.ssh/id_ed25519", true));
    assert!(as_written("/etc/shadow", true));
    assert!(!on_host(Path::new("/root/work/a.txt")));
    assert!(on_host(Path::new("/root/work/a.pem")));
}
