//! Archives that somebody made to do harm, and broken ones.

use super::build::{Entry, changed, deflated, gzip, part, record, stored, tar, zip};
use super::*;

fn fate(name: &str, bytes: &[u8]) -> String {
    let listing = list(name, bytes).unwrap();
    let refused = listing.entries.into_iter().find_map(|it| match it.fate {
        Fate::Refused(why) => Some(why),
        Fate::Unpacked | Fate::Skipped(_) => None,
    });
    refused.expect("an entry that is refused")
}

/// The list shows an entry and says why it is refused; unpacking refuses all of the archive for the same reason.
fn refused(bytes: &[u8], reason: &str) {
    assert_eq!(fate("x", bytes), reason);
    let (kind, text) = why(extract("x", bytes));
    assert_eq!(kind, "refused", "{text}");
    assert!(text.ends_with(reason), "{text}");
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    let long = format!("{}x", "dd/".repeat(400));
    let deep = format!("{}x", "d/".repeat(32));
    let part_long = "p".repeat(256);
    for (path, reason) in [
        ("../x", "its path has a `..`"),
        ("a/../../x", "its path has a `..`"),
        ("a/..", "its path has a `..`"),
        ("/etc/x", "its path is absolute"),
        ("C:x", "its path begins with a drive letter"),
        ("./c:/x", "its path begins with a drive letter"),
        ("a\\..\\x", "its path has a `\\`"),
        ("a\nb", "its path has a control character"),
        ("a\u{9b}b", "its path has a control character"),
        (&long, "its path is over 1024 bytes"),
        (&deep, "its path has over 32 parts"),
        (&part_long, "a part of its path is over 255 bytes"),
        ("", "its path is empty"),
        (".", "its path is that of the directory itself"),
    ] {
        let good = stored("good", b"good");
        refused(&zip(&[good, stored(path, b"x")]), reason);
        let named = part(b'x', "pax", &record("path", path));
        let good = part(b'0', "good", b"good");
        refused(&tar(&[good, named, part(b'0', "cut", b"x")]), reason);
    }
    let mut odd = stored("a", b"x");
    odd.name = b"\xff".to_vec();
    odd.local_name = odd.name.clone();
    refused(&zip(&[odd]), "its path is not UTF-8");
    let (done, _) = extract("x", &zip(&[stored("ab:c/d..e/...", b"x")])).unwrap();
    assert_eq!(done.files, 1, "what only looks like it is not refused");
}

/// One rule for every format.
#[test]
fn two_entries_with_one_path_are_refused() {
    for (one, other, reason) in [
        ("a", "a", "`a` is there twice"),
        ("a", "./a", "`a` is there twice"),
        ("d/a", "d//a", "`d/a` is there twice"),
        (
            "a",
            "A",
            "`A` and `a` are one path where case does not count",
        ),
        (
            "ä",
            "Ä",
            "`Ä` and `ä` are one path where case does not count",
        ),
        (
            "d/a",
            "D/b",
            "`D` and `d` are one path where case does not count",
        ),
        ("a", "a/b", "`a` is a directory and something else"),
        ("a/b", "a", "`a` is a directory and something else"),
        ("a/", "a", "`a` is a directory and something else"),
    ] {
        refused(&zip(&[stored(one, b""), stored(other, b"")]), reason);
        let both = tar(&[part(b'0', one, b""), part(b'0', other, b"")]);
        refused(&both, reason);
        refused(&gzip(&both), reason);
    }
    // A link that is skipped keeps its path, so that nothing is written through it or in its place.
    let linked = tar(&[part(b'2', "a", b""), part(b'0', "a/b", b"x")]);
    refused(&linked, "`a` is a directory and something else");
}

#[test]
fn what_is_not_supported_is_refused_with_its_reason() {
    type Change = fn(&mut Entry);
    let changes: [(Change, &str); 7] = [
        (|entry| entry.flags = 1, "it is encrypted"),
        (|entry| entry.flags = 0x40, "it is encrypted"),
        (
            |entry| (entry.method, entry.local_method) = (12, 12),
            "its compression, method 12, is not supported",
        ),
        (
            |entry| (entry.method, entry.local_method) = (99, 99),
            "its compression, method 99, is not supported",
        ),
        (
            |entry| entry.mode = 0o040_755,
            "its name and its mode differ in whether it is a directory",
        ),
        (
            |entry| entry.extra = b"\x75\x70\x06\0\x01\0\0\0\0b".to_vec(),
            "it has another name in another place",
        ),
        (
            |entry| (entry.name, entry.local_name) = (b"a/".to_vec(), b"a/".to_vec()),
            "it has content, though it is no file",
        ),
    ];
    for (change, reason) in changes {
        let mut entry = stored("a", b"x");
        change(&mut entry);
        refused(&zip(&[entry]), reason);
    }
    for kind in [b'5', b'2', b'1', b'3'] {
        let odd = tar(&[part(kind, "a", b"x")]);
        refused(&odd, "it has content, though it is no file");
    }
    let sparse = record("GNU.sparse.major", "1");
    let sparse = tar(&[part(b'x', "pax", &sparse), part(b'0', "a", b"x")]);
    refused(&sparse, "it is sparse, which is not supported");
    refused(
        &tar(&[part(b'S', "a", b"x")]),
        "it is sparse, which is not supported",
    );
}

/// Neither is believed where the directory of a zip and its entries differ.
#[test]
fn a_zip_that_says_two_things_is_malformed() {
    type Change = fn(&mut Entry);
    let changes: [(Change, &str); 3] = [
        (
            |entry| entry.local_name = b"b".to_vec(),
            "`a` has two names",
        ),
        (
            |entry| entry.local_method = 8,
            "`a` has two ways of compression",
        ),
        (
            |entry| entry.local_size = 2,
            "`a` has two sizes or checksums",
        ),
    ];
    for (change, reason) in changes {
        let mut entry = stored("a", b"x");
        change(&mut entry);
        assert_eq!(
            why(list("x", &zip(&[entry]))),
            ("malformed", reason.to_owned())
        );
    }
    let two = zip(&[stored("a", b"x"), stored("b", b"y")]);
    let local_b = 31 + 1;
    let place = |name: &[u8]| two.windows(name.len()).rposition(|it| it == name).unwrap();

    let mut hidden = two.clone();
    let second = place(b"PK\x01\x02");
    hidden.drain(second..second + 47);
    let end = hidden.len() - 22;
    hidden[end + 8] = 1;
    hidden[end + 10] = 1;
    hidden[end + 12] = 47;
    let reason = "it has an entry that its directory does not have";
    assert_eq!(why(list("x", &hidden)), ("malformed", reason.to_owned()));

    let mut overlapping = two.clone();
    let offset = second + 42;
    assert_eq!(overlapping[offset], local_b);
    overlapping[offset] = 0;
    overlapping[second + 46] = b'a';
    overlapping[second + 16..second + 20].copy_from_slice(&super::build::crc(b"x").to_le_bytes());
    let reason = "two of its entries overlap";
    assert_eq!(
        why(list("x", &overlapping)),
        ("malformed", reason.to_owned())
    );

    let mut counted = two.clone();
    counted[end + 47 + 8] = 1;
    counted[end + 47 + 10] = 1;
    let (kind, text) = why(list("x", &counted));
    assert_eq!(kind, "malformed", "{text}");

    let mut longer = two.clone();
    longer.push(0);
    assert_eq!(why(list("x", &longer)).1, "something follows its end");
    let ends = [two.clone(), two[place(b"PK\x05\x06")..].to_vec()].concat();
    assert_eq!(why(list("x", &ends)).0, "malformed");
    for cut in 1..two.len() {
        let (kind, text) = why(extract("x", &two[..cut]));
        assert!(
            ["malformed", "unsupported"].contains(&kind),
            "{cut}: {text}"
        );
    }
}

#[test]
fn broken_content_is_malformed() {
    type Change = fn(&mut Entry);
    let changes: [(Change, &str); 4] = [
        (|entry| entry.crc ^= 1, "`a`: its checksum is another one"),
        (
            |entry| (entry.size, entry.local_size) = (3, 3),
            "`a`: it has over the 3 bytes it states",
        ),
        (
            |entry| (entry.size, entry.local_size) = (5, 5),
            "`a`: it has 4 bytes and states 5",
        ),
        (
            |entry| entry.packed.push(0),
            "`a`: something follows its compressed content",
        ),
    ];
    for (change, reason) in changes {
        let mut entry = deflated("a", b"aaaa");
        change(&mut entry);
        let bytes = zip(&[stored("b", b"b"), entry]);
        assert_eq!(why(extract("x", &bytes)), ("malformed", reason.to_owned()));
    }
    let tarred = tar(&[part(b'0', "a", b"text")]);
    for inside in [tarred.as_slice(), b"text".as_slice()] {
        let good = gzip(inside);
        let length = good.len();
        for place in [length - 8, length - 5, length - 4, length - 1] {
            let mut bad = good.clone();
            bad[place] ^= 1;
            let (kind, text) = why(extract("x.gz", &bad));
            assert_eq!(kind, "malformed", "byte {place}: {text}");
            assert_eq!(why(list("x.gz", &bad)).0, "malformed");
        }
        for cut in 18..length {
            assert_eq!(why(extract("x.gz", &good[..cut])).0, "malformed", "{cut}");
        }
        let longer = [good, b"more".to_vec()].concat();
        assert_eq!(why(list("x.gz", &longer)).0, "malformed");
    }
}

#[test]
fn a_tar_that_is_cut_or_says_two_things_is_malformed() {
    let good = tar(&[part(b'0', "a", b"text"), part(b'0', "b", b"more")]);
    for cut in [512, 515, 1_024, 1_536, 1_540, 2_048] {
        let (kind, text) = why(extract("x", &good[..cut]));
        assert_eq!(kind, "malformed", "{cut}: {text}");
    }
    let mut flipped = good.clone();
    flipped[1_024] ^= 1;
    assert_eq!(
        why(list("x", &flipped)).1,
        "the checksum of a header is another one"
    );
    let more = [good.clone(), part(b'0', "c", b"")].concat();
    assert_eq!(why(list("x", &more)).1, "something follows its end");

    let size = |value: &str| part(b'x', "pax", &record("size", value));
    let name = || part(b'x', "pax", &record("path", "b"));
    let long = || part(b'L', "././@LongLink", b"c\0");
    let file = || part(b'0', "a", b"text");
    let twice = [record("path", "b"), record("path", "c")].concat();
    for (parts, reason) in [
        (vec![size("5"), file()], "an entry has two sizes"),
        (
            vec![size("+4"), file()],
            "the size in a pax header is no number",
        ),
        (vec![name(), name(), file()], "an entry has two pax headers"),
        (vec![name(), long(), file()], "an entry is named twice"),
        (vec![long(), long(), file()], "an entry is named twice"),
        (
            vec![part(b'x', "pax", &twice), file()],
            "an entry is named twice",
        ),
        (vec![file(), name()], "its last header describes nothing"),
        (vec![file(), long()], "its last header describes nothing"),
        (
            vec![part(b'g', "pax", &record("path", "b")), file()],
            "a header for all entries has `path`",
        ),
        (
            vec![part(b'x', "pax", b"9 path=b\n\n9 path=c\n"), file()],
            "a pax header has a record that is none",
        ),
    ] {
        assert_eq!(
            why(list("x", &tar(&parts))),
            ("malformed", reason.to_owned())
        );
    }
    assert!(extract("x", &tar(&[size("4"), file()])).is_ok());
    assert!(
        extract(
            "x",
            &tar(&[part(b'g', "pax", &record("comment", "x")), file()])
        )
        .is_ok()
    );
}

#[test]
fn bombs_are_refused_before_they_fill_anything() {
    let zeros = vec![0; 8 << 20];
    let ratio = "unpacked, it has over 200 times its";
    let packed = deflated("zeros", &zeros);
    let many: Vec<Entry> = (0..40)
        .map(|i| Entry {
            name: format!("z{i}").into_bytes(),
            local_name: format!("z{i}").into_bytes(),
            ..packed.clone()
        })
        .collect();
    // Enough that does not pack, so that the ratio is small and only the sum is too large.
    let mut noise = 1_u32;
    let filler: Vec<u8> = std::iter::repeat_with(|| {
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        noise.to_le_bytes()[0]
    })
    .take(2 << 20)
    .collect();
    let mut sum = many.clone();
    sum.push(stored("filler", &filler));

    let tarred = tar(&[part(b'0', "zeros", &zeros)]);
    // A long name, properties, skipped content and what follows the end are bytes as well.
    let skipped = tar(&[part(b'V', "label", &zeros)]);
    let name = tar(&[part(b'L', "././@LongLink", &zeros), part(b'0', "a", b"")]);
    let end = [tar(&[]), zeros.clone()].concat();
    for (what, bytes, reason) in [
        (
            "a ratio in a zip",
            zip(std::slice::from_ref(&packed)),
            ratio,
        ),
        ("a ratio in a tar", gzip(&tarred), ratio),
        ("a ratio in a gzip", gzip(&zeros[..zeros.len() - 1]), ratio),
        ("a skipped entry", gzip(&skipped), ratio),
        (
            "a long name",
            gzip(&name),
            "a header has 8388608 bytes, over the limit of 1048576",
        ),
        ("after the end", gzip(&end), ratio),
        ("a sum", zip(&sum), "it has over 268435456 bytes, unpacked"),
    ] {
        let name = if what == "after the end" {
            "x.tgz"
        } else {
            "x"
        };
        let (kind, text) = why(extract(name, &bytes));
        assert_eq!(kind, "too-large", "{what}: {text}");
        assert!(text.starts_with(reason), "{what}: {text}");
    }

    let names: Vec<Entry> = (0..10_001).map(|i| stored(&i.to_string(), b"")).collect();
    assert_eq!(why(list("x", &zip(&names))).1, "it has over 10000 entries");
    assert_eq!(list("x", &zip(&names[1..])).unwrap().entries.len(), 10_000);
    let parts: Vec<_> = (0..10_001)
        .map(|i| part(b'0', &i.to_string(), b""))
        .collect();
    assert_eq!(why(list("x", &tar(&parts))).1, "it has over 10000 entries");
}

/// A size that is only stated is refused as one that is there.
#[test]
fn stated_sizes_are_bounded() {
    let mut large = stored("a", b"x");
    (large.size, large.local_size) = (u32::MAX - 1, u32::MAX - 1);
    let (kind, text) = why(extract("x", &zip(&[large])));
    assert_eq!(
        (kind, text.as_str()),
        ("too-large", "it has over 268435456 bytes, unpacked")
    );

    // Sizes of 64 bits are in an extra field: 2^63 bytes, unpacked and packed.
    let mut zip64 = stored("a", b"x");
    (zip64.size, zip64.local_size) = (u32::MAX, u32::MAX);
    zip64.extra = [&b"\x01\0\x08\0"[..], &(1_u64 << 63).to_le_bytes()].concat();
    let (kind, text) = why(extract("x", &zip(&[zip64])));
    assert!(["too-large", "malformed"].contains(&kind), "{text}");

    for size in [1 << 33, u64::MAX >> 1] {
        let mut header = ::tar::Header::new_ustar();
        header.set_size(size);
        let bytes = tar(&[changed(header, b'0', "a", b"x")]);
        assert_eq!(why(list("x", &bytes)).0, "too-large");
    }
    let mut header = ::tar::Header::new_ustar();
    header.as_old_mut().size = *b"+0000000001\0";
    let bytes = tar(&[changed(header, b'0', "a", b"x")]);
    assert_eq!(
        why(list("x", &bytes)).1,
        "the size of an entry is no number"
    );
}
