use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Keep, paths};
use crate::types::{Code, Denial, Fault, Grant, Rights, is_action, text};

/// A set of authority: directories, environment variables, and actions of other capabilities.
///
/// A component starts with none. What a call gets is the intersection of the layers that speak about
/// it, so a set can only narrow another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    dirs: Vec<DirGrant>,
    env: BTreeMap<String, String>,
    actions: BTreeSet<String>,
}

/// A directory of the host that a guest may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DirGrant {
    /// Resolved: no link, no `.` and no `..` is left in it.
    pub(crate) host: PathBuf,
    pub(crate) guest: String,
    pub(crate) rights: Rights,
}

impl Grants {
    /// No authority at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Starts from no authority.
    ///
    /// # Example
    ///
    /// ```
    /// use engine::{Grants, Rights};
    ///
    /// let grants = Grants::builder()
    ///     .dir("/usr/share", "/docs", Rights::ReadOnly)
    ///     .env("LANG", "en")
    ///     .build()?;
    ///
    /// let fault = Grants::builder().dir("/proc", "/proc", Rights::ReadOnly).build().unwrap_err();
    /// assert_eq!(fault.to_string(), "cannot grant `/proc`: `/proc` is never given to a guest");
    /// # Ok::<(), engine::Fault>(())
    /// ```
    #[must_use]
    pub fn builder() -> GrantsBuilder {
        GrantsBuilder::default()
    }

    /// The grants as plain data, as outcomes and events show them.
    #[must_use]
    pub fn list(&self) -> Vec<Grant> {
        let dirs = self.dirs.iter().map(|dir| Grant::Dir {
            host: dir.host.clone(),
            guest: dir.guest.clone(),
            rights: dir.rights,
        });
        let env = self
            .env
            .keys()
            .map(|name| Grant::Env { name: name.clone() });
        let actions = self
            .actions
            .iter()
            .map(|name| Grant::Action { name: name.clone() });
        dirs.chain(env).chain(actions).collect()
    }

    /// Keeps directories with at most these rights, and the variables that are wanted; returns what is
    /// there no more.
    pub(super) fn keep(
        &mut self,
        most: Option<Rights>,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<Grant> {
        let mut gone = Grants::none();
        match most {
            None => gone.dirs = std::mem::take(&mut self.dirs),
            Some(most) => {
                for dir in &mut self.dirs {
                    dir.rights = dir.rights.min(most);
                }
            }
        }
        let env = std::mem::take(&mut self.env);
        (self.env, gone.env) = env.into_iter().partition(|(name, _)| wanted(name));
        gone.list()
    }

    /// Keeps the actions that are wanted; returns what is there no more.
    pub(super) fn keep_actions(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<Grant> {
        let mut gone = Grants::none();
        let actions = std::mem::take(&mut self.actions);
        (self.actions, gone.actions) = actions.into_iter().partition(|name| wanted(name));
        gone.list()
    }

    /// Keeps what is named, or says everything that is named in vain.
    pub(super) fn only(self, keep: &Keep) -> Result<Grants, Vec<Denial>> {
        let mut kept = Grants::none();
        let mut denials = Vec::new();
        for (guest, rights) in &keep.dirs {
            match self.dirs.iter().find(|dir| dir.guest == *guest) {
                Some(dir) => kept.dirs.push(DirGrant {
                    rights: dir.rights.min(*rights),
                    ..dir.clone()
                }),
                None => {
                    let target = text::line(guest, 256);
                    let hint = format!("grant it outside first: `--dir HOST::{target}:{rights}`");
                    denials.push(denial(
                        "directory",
                        target,
                        "no outer layer grants it",
                        hint,
                    ));
                }
            }
        }
        for name in &keep.env {
            match self.env.get(name) {
                Some(value) => {
                    kept.env.insert(name.clone(), value.clone());
                }
                None => {
                    let target = text::line(name, 256);
                    let hint = format!("grant it outside first: `--env {target}`");
                    denials.push(denial("variable", target, "no outer layer grants it", hint));
                }
            }
        }
        for name in &keep.actions {
            if self.actions.contains(name) {
                kept.actions.insert(name.clone());
            } else {
                denials.push(no_action(name));
            }
        }
        if denials.is_empty() {
            Ok(kept)
        } else {
            Err(denials)
        }
    }

    pub(crate) fn dirs(&self) -> &[DirGrant] {
        &self.dirs
    }

    /// These and one directory more; of one that is there under the same name the rights are the wider ones. `None` if
    /// it cannot be granted beside the others.
    pub(super) fn with(&self, more: DirGrant) -> Option<Grants> {
        let mut with = self.clone();
        let same = |dir: &&mut DirGrant| dir.host == more.host && dir.guest == more.guest;
        if let Some(dir) = with.dirs.iter_mut().find(same) {
            dir.rights = dir.rights.max(more.rights);
            return Some(with);
        }
        let apart =
            |dir: &DirGrant| !paths::touches(&dir.host, &more.host) && dir.guest != more.guest;
        if !with.dirs.iter().all(apart) || paths::guest_name(&more.guest).ok()? != more.guest {
            return None;
        }
        with.dirs.push(more);
        Some(with)
    }

    pub(crate) fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    pub(crate) fn actions(&self) -> &BTreeSet<String> {
        &self.actions
    }

    /// Keeps what is named, as far as it is there.
    pub(crate) fn kept(self, keep: &Keep) -> Grants {
        let mut kept = Grants::none();
        for dir in self.dirs {
            if let Some(rights) = keep.dirs.get(&dir.guest) {
                kept.dirs.push(DirGrant {
                    rights: dir.rights.min(*rights),
                    ..dir
                });
            }
        }
        let env = self.env.into_iter();
        kept.env = env.filter(|(name, _)| keep.env.contains(name)).collect();
        kept.actions = self.actions.intersection(&keep.actions).cloned().collect();
        kept
    }

    /// What both this and another set grant; what only one of them grants is left out.
    pub(crate) fn shared_with(&self, other: &Grants) -> Grants {
        let mut both = Grants::none();
        for asked in &other.dirs {
            let shared = self.dirs.iter().filter_map(|dir| dir.shared_with(asked));
            for dir in shared {
                // Of two directories of one name a guest sees the first alone.
                if both.dirs.iter().all(|other| other.guest != dir.guest) {
                    both.dirs.push(dir);
                }
            }
        }
        let same = |(name, value): &(&String, &String)| self.env.get(*name) == Some(*value);
        let env = other.env.iter().filter(same);
        both.env = env
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        both.actions = self.actions.intersection(&other.actions).cloned().collect();
        both
    }

    /// Checks that nothing here touches the directory of the engine's own state.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-CONFIG` that names both.
    pub fn check_home(&self, home: impl AsRef<Path>) -> Result<(), Fault> {
        self.keep_out_of(home.as_ref())
    }

    /// Checks that nothing here lets a guest change a file that decides what guests may do.
    pub(super) fn keep_from_changing(&self, file: &Path) -> Result<(), Fault> {
        self.dirs
            .iter()
            .filter(|dir| dir.rights == Rights::ReadWrite)
            .try_for_each(|dir| paths::keep_from_changing(file, &dir.host))
    }

    pub(super) fn keep_out_of(&self, home: &Path) -> Result<(), Fault> {
        self.dirs
            .iter()
            .try_for_each(|dir| paths::keep_out_of(home, &dir.host))?;
        self.keep_from_changing(home)
    }

    /// What both this and an inner layer grant, or everything the inner layer asks for in vain.
    ///
    /// A directory that the inner layer names wider than this one is cut to this one's; a directory
    /// or variable that this layer does not have at all is refused, so that nobody runs without what
    /// they counted on.
    pub(crate) fn narrowed_by(&self, inner: &Grants) -> Result<Grants, Vec<Denial>> {
        let mut both = Grants::none();
        let mut denials = Vec::new();
        for asked in &inner.dirs {
            let before = both.dirs.len();
            both.dirs.extend(
                self.dirs
                    .iter()
                    .filter_map(|outer| outer.shared_with(asked)),
            );
            if both.dirs.len() == before {
                let target = paths::show(&asked.host);
                let hint = format!(
                    "grant it outside first: `--dir {target}::{}:{}`",
                    asked.guest, asked.rights
                );
                denials.push(denial(
                    "directory",
                    target,
                    "no outer layer grants it",
                    hint,
                ));
            }
        }
        denials.extend(same_names(&both.dirs));
        for (name, value) in &inner.env {
            let target = || text::line(name, 256);
            match self.env.get(name) {
                Some(outer) if outer == value => {
                    both.env.insert(name.clone(), value.clone());
                }
                Some(_) => denials.push(denial(
                    "variable",
                    target(),
                    "an outer layer gives it another value",
                    "ask for it with the value it has outside".to_owned(),
                )),
                None => {
                    let hint = format!("grant it outside first: `--env {}`", target());
                    denials.push(denial(
                        "variable",
                        target(),
                        "no outer layer grants it",
                        hint,
                    ));
                }
            }
        }
        for name in &inner.actions {
            if self.actions.contains(name) {
                both.actions.insert(name.clone());
            } else {
                denials.push(no_action(name));
            }
        }
        if denials.is_empty() {
            Ok(both)
        } else {
            Err(denials)
        }
    }
}

/// Denies a name that would mean two directories.
fn same_names(dirs: &[DirGrant]) -> impl Iterator<Item = Denial> {
    dirs.iter().enumerate().filter_map(|(position, dir)| {
        let before = dirs.iter().take(position);
        let other = before.into_iter().find(|other| other.guest == dir.guest)?;
        Some(denial(
            "directory",
            paths::show(&dir.host),
            &format!(
                "`{}` would be called `{}` as well",
                paths::show(&other.host),
                text::line(&dir.guest, 256)
            ),
            "ask for one of them alone, or by another name".to_owned(),
        ))
    })
}

impl DirGrant {
    fn shared_with(&self, asked: &DirGrant) -> Option<DirGrant> {
        let narrower = if asked.host.starts_with(&self.host) {
            asked
        } else if self.host.starts_with(&asked.host) {
            self
        } else {
            return None;
        };
        Some(DirGrant {
            rights: self.rights.min(asked.rights),
            ..narrower.clone()
        })
    }
}

fn no_action(name: &str) -> Denial {
    let target = text::line(name, 256);
    let hint = format!("grant it outside first: `--allow-action {target}`");
    denial("action", target, "no outer layer grants it", hint)
}

fn denial(operation: &str, target: String, reason: &str, hint: String) -> Denial {
    Denial {
        code: Code::DeniedGrant,
        interface: String::new(),
        operation: operation.to_owned(),
        target,
        reason: reason.to_owned(),
        hint,
        count: 1,
    }
}

/// Collects grants and checks them together.
#[derive(Clone, Debug, Default)]
pub struct GrantsBuilder {
    dirs: Vec<(PathBuf, String, Rights)>,
    env: Vec<(String, String)>,
    actions: Vec<String>,
}

impl GrantsBuilder {
    /// Grants the directory `host` under the name `guest`.
    #[must_use]
    pub fn dir(
        mut self,
        host: impl Into<PathBuf>,
        guest: impl Into<String>,
        rights: Rights,
    ) -> Self {
        self.dirs.push((host.into(), guest.into(), rights));
        self
    }

    /// Sets an environment variable for the guest.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Lets the guest call an action of another capability, through the guard: by the name of a configured capability,
    /// such as `text.search.v1`, or by that of a component and its function, such as `text.search`.
    #[must_use]
    pub fn action(mut self, name: impl Into<String>) -> Self {
        self.actions.push(name.into());
        self
    }

    /// Resolves every directory and checks all grants together.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-CONFIG` if
    ///
    /// - a directory does not exist, is the root, or touches `/proc`, `/sys` or `/dev`;
    /// - two directories overlap, or have the same name for the guest: rights of a file must not
    ///   depend on the way to it;
    /// - a variable is set twice, or its name is empty or has `=` or NUL in it;
    /// - an action is no two words with a `.` between them.
    pub fn build(self) -> Result<Grants, Fault> {
        let mut dirs: Vec<DirGrant> = Vec::with_capacity(self.dirs.len());
        for (host, guest, rights) in self.dirs {
            let dir = DirGrant {
                host: paths::resolve(&host)?,
                guest: paths::guest_name(&guest)?,
                rights,
            };
            if let Some(other) = dirs
                .iter()
                .find(|other| paths::touches(&other.host, &dir.host))
            {
                return Err(Fault::config(format!(
                    "cannot grant both `{}` and `{}`: one is inside the other",
                    paths::show(&other.host),
                    paths::show(&dir.host)
                ))
                .hint("grant the outer one alone, or two that are side by side"));
            }
            if let Some(other) = dirs.iter().find(|other| other.guest == dir.guest) {
                return Err(Fault::config(format!(
                    "`{}` and `{}` would both be `{}` to the guest",
                    paths::show(&other.host),
                    paths::show(&dir.host),
                    text::line(&dir.guest, 256)
                ))
                .hint("give them different names: `--dir HOST::GUEST`"));
            }
            dirs.push(dir);
        }
        let mut env = BTreeMap::new();
        for (name, value) in self.env {
            let shown = text::line(&name, 256);
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return Err(
                    Fault::config(format!("`{shown}` cannot be an environment variable"))
                        .hint("a name has no `=`, and neither name nor value has a NUL"),
                );
            }
            if env.insert(name, value).is_some() {
                return Err(Fault::config(format!(
                    "the environment variable `{shown}` is set twice"
                )));
            }
        }
        if let Some(odd) = self.actions.iter().find(|name| !is_action(name)) {
            return Err(Fault::config(format!(
                "`{}` cannot be the name of an action",
                text::line(odd, 256)
            ))
            .hint("name a configured capability, such as `text.search.v1`, or a component and its function, such as `text.search`"));
        }
        Ok(Grants {
            dirs,
            env,
            actions: self.actions.into_iter().collect(),
        })
    }
}

#[cfg(test)]
mod tests;
