use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use wasmtime_wasi::filesystem::{Dir, FsPerms, OpenMode};

use super::held::Held;
use super::veil::Veil;
use crate::guard::DirGrant;
use crate::types::{Fault, Rights, text};

/// The directories that a guest was granted, open, and what it holds of them.
#[derive(Debug, Default)]
pub(in crate::host) struct Files {
    pub(super) granted: Vec<Granted>,
    pub(super) held: Held,
    /// What hides the machine, in a deterministic run.
    pub(super) veil: Option<Veil>,
}

/// One granted directory.
pub(super) struct Granted {
    pub(super) dir: Dir,
    pub(super) host: PathBuf,
    pub(super) guest: String,
    pub(super) rights: Rights,
}

impl std::fmt::Debug for Granted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}::{}:{}", self.host.display(), self.guest, self.rights)
    }
}

impl Files {
    /// Opens every granted directory.
    ///
    /// # Errors
    ///
    /// A fault of the configuration if one is gone, has become a link, or belongs to the kernel.
    pub(in crate::host) fn open(grants: &[DirGrant], deterministic: bool) -> Result<Self, Fault> {
        let granted = grants.iter().map(open_one).collect::<Result<_, _>>()?;
        Ok(Self {
            granted,
            held: Held::default(),
            veil: deterministic.then(Veil::default),
        })
    }
}

fn open_one(grant: &DirGrant) -> Result<Granted, Fault> {
    let shown = || text::line(&grant.host.to_string_lossy(), 256);
    let dir = cap_std::fs::Dir::open_ambient_dir(&grant.host, ambient_authority())
        .map_err(|error| {
            Fault::config(format!("cannot open the granted directory `{}`", shown()))
                .caused_by(error)
        })?
        .into_std_file();
    if !is_still(&dir, &grant.host) {
        return Err(Fault::config(format!(
            "the granted directory `{}` has become another",
            shown()
        ))
        .hint("somebody moved it or put a link in its place"));
    }
    if is_of_the_kernel(&dir) {
        return Err(Fault::config(format!(
            "cannot grant `{}`: it belongs to the kernel",
            shown()
        )));
    }
    let (perms, mode) = match grant.rights {
        Rights::ReadOnly => (FsPerms::ReadOnly, OpenMode::READ),
        Rights::ReadWrite => (FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE),
    };
    Ok(Granted {
        dir: Dir::new(dir, perms, mode, false),
        host: grant.host.clone(),
        guest: grant.guest.clone(),
        rights: grant.rights,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the host is where files are reached"
)]
/// Whether the open directory is what its resolved name still names, with no link on the way.
fn is_still(dir: &std::fs::File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let same =
        |a: std::fs::Metadata, b: std::fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    path.canonicalize().is_ok_and(|resolved| resolved == path)
        && dir
            .metadata()
            .and_then(|open| Ok(same(open, std::fs::symlink_metadata(path)?)))
            .unwrap_or(false)
}

/// Whether the directory lies in a file system through which the kernel or a process can be reached,
/// wherever that is mounted.
#[cfg(target_os = "linux")]
fn is_of_the_kernel(dir: &std::fs::File) -> bool {
    // From `linux/magic.h`.
    const PROC: i64 = 0x9fa0;
    const SYSFS: i64 = 0x6265_6572;
    const DEVPTS: i64 = 0x1cd1;
    const DEBUGFS: i64 = 0x6462_6720;
    const TRACEFS: i64 = 0x7472_6163;
    const SECURITYFS: i64 = 0x7363_6673;
    const CGROUP: i64 = 0x27_e0eb;
    const CGROUP2: i64 = 0x6367_7270;
    const BPF: i64 = 0xcafe_4a11;
    let kernels = [
        PROC, SYSFS, DEVPTS, DEBUGFS, TRACEFS, SECURITYFS, CGROUP, CGROUP2, BPF,
    ];
    rustix::fs::fstatfs(dir).is_ok_and(|fs| kernels.contains(&fs.f_type))
}

#[cfg(not(target_os = "linux"))]
fn is_of_the_kernel(_dir: &std::fs::File) -> bool {
    false
}
