use std::path::Path;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use crate::build::target;

/// The JavaScript and the JSON of a package of the npm registry, by their paths below the package's name, as the
/// capability `script` takes modules.
///
/// `npm` fetches the package once; it is kept in the target directory, and its digest (SHA-512 in base64) is compared
/// every time.
pub fn npm_modules(name: &str, version: &str, digest: &str) -> Vec<Value> {
    let kept = target().join("npm");
    std::fs::create_dir_all(&kept).unwrap();
    let file = format!("{name}-{version}.tgz");
    let package = kept.join(&file);
    if !package.exists() {
        // Beside it, so that a test at the same time sees all of it or nothing.
        let fetched = tempfile::tempdir_in(&kept).unwrap();
        let wanted = format!("{name}@{version}");
        let mut npm = Command::new("npm");
        npm.args([
            "pack",
            "--ignore-scripts",
            "--pack-destination",
            ".",
            &wanted,
        ]);
        run(
            &mut npm,
            fetched.path(),
            "install Node.js with npm, such as by `apt-get install npm`",
        );
        std::fs::rename(fetched.path().join(&file), &package).unwrap();
    }
    let found = STANDARD.encode(Sha512::digest(std::fs::read(&package).unwrap()));
    assert_eq!(
        found,
        digest,
        "`{}` is not the package that is meant",
        package.display()
    );

    let unpacked = tempfile::tempdir_in(&kept).unwrap();
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(&package);
    run(&mut tar, unpacked.path(), "install tar");
    let mut modules = Vec::new();
    collect(&unpacked.path().join("package"), name, &mut modules);
    assert!(!modules.is_empty(), "`{file}` has no JavaScript");
    modules
}

fn run(command: &mut Command, dir: &Path, hint: &str) -> Output {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.current_dir(dir).output().unwrap_or_else(|error| {
        panic!("failed to start `{program}`, which this test needs: {error}; {hint}")
    });
    assert!(
        output.status.success(),
        "`{program}` failed with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn collect(dir: &Path, name: &str, modules: &mut Vec<Value>) {
    let mut entries: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        let ending = path.extension().and_then(|ending| ending.to_str());
        if entry.file_type().unwrap().is_dir() {
            collect(&path, &name, modules);
        } else if matches!(ending, Some("js" | "cjs" | "json")) {
            let source = std::fs::read_to_string(&path).unwrap();
            modules.push(json!({ "name": name, "source": source }));
        }
    }
}
