//! Tools that come from the registries of their languages, and are kept in the engine's home.

use std::path::{Path, PathBuf};
use std::process::Command;

use engine::Fault;

use super::{Project, shown, tool};

/// A tool at the version that this engine was tested with.
pub(super) struct Pinned {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// The registry, as people know it.
    pub(super) registry: &'static str,
}

impl Pinned {
    /// The directory of the tool, which `install` fills when it is not there; others that want it wait meanwhile.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-MISSING-TOOL` if it cannot be installed, or may not be.
    #[expect(clippy::disallowed_methods, reason = "the engine's own home")]
    pub(super) fn ensure(
        &self,
        project: &Project,
        install: impl FnOnce(&Path) -> Result<(), Fault>,
    ) -> Result<PathBuf, Fault> {
        let Self {
            name,
            version,
            registry,
        } = self;
        let Some(tools) = &project.tools else {
            return Err(Fault::missing_tool(format!(
                "there is no home to install {name} {version} into"
            ))
            .hint("name one with `--home DIR`"));
        };
        let dir = tools.join(format!("{name}-{version}"));
        // It is made last: a tool that was only half installed has none.
        let complete = dir.join("complete");
        if complete.exists() {
            return Ok(dir);
        }
        let failed = |error: std::io::Error| {
            Fault::missing_tool(format!(
                "{name} {version} cannot be installed into `{}`",
                shown(&dir)
            ))
            .hint("name another home with `--home DIR`")
            .caused_by(error)
        };
        crate::desk::make_home(tools)?;
        let lock = std::fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(tools.join(format!("{name}-{version}.lock")))
            .map_err(failed)?;
        // Held until it is closed.
        lock.lock().map_err(failed)?;
        if complete.exists() {
            return Ok(dir);
        }
        if project.offline {
            return Err(Fault::missing_tool(format!(
                "{name} {version} is not installed, and `--offline` lets nothing be fetched"
            ))
            .hint("run `engine build` once without `--offline`"));
        }
        if dir.exists() {
            std::fs::remove_dir_all(&dir).map_err(failed)?;
        }
        std::fs::create_dir_all(&dir).map_err(failed)?;
        let working = project.working(&format!(
            "installing {name} {version} from {registry} into {}",
            shown(&dir)
        ));
        install(&dir)?;
        drop(working);
        std::fs::write(&complete, "").map_err(failed)?;
        Ok(dir)
    }

    /// Runs one step of the installation.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-MISSING-TOOL`, after what the installer says.
    pub(super) fn step(
        &self,
        project: &Project,
        command: &mut Command,
        missing: Fault,
    ) -> Result<(), Fault> {
        let Some(spoke) = tool::run(command, |_| ())? else {
            return Err(missing);
        };
        if spoke.success {
            return Ok(());
        }
        project.show(&spoke.all());
        Err(Fault::missing_tool(format!(
            "{} {} could not be installed from {}",
            self.name, self.version, self.registry
        ))
        .hint(format!(
            "what the installer says stands above; is {} reachable?",
            self.registry
        )))
    }
}
