use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use engine::{
    Call, Compiled, Config, Engine, Event, Fault, Grants, Limits, Outcome, Rights, Sink, Source,
};
use tokio::runtime::Runtime;

use super::copy::Copies;
use crate::cases::{Case, Expected};
use crate::commands::load;
use crate::settings::Project;

/// The most characters of an example's function in its name.
const MOST_NAME: usize = 100;

/// What cases are run on: one component, compiled once for each way to run it.
pub(super) struct Bench {
    runtime: Runtime,
    source: Source,
    /// The most that a case asks for.
    most: Limits,
    fixed: Stand,
    real: OnceLock<Stand>,
}

/// An engine with the component loaded.
struct Stand {
    engine: Engine,
    component: Compiled,
    kinds: Arc<Kinds>,
}

/// The kinds of the events of the latest run.
#[derive(Default)]
struct Kinds(Mutex<Vec<String>>);

impl Sink for Kinds {
    fn emit(&self, event: &Arc<Event>) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.push(event.kind.name().to_owned());
    }
}

impl Stand {
    fn set(source: &Source, most: Limits, deterministic: bool) -> Result<Self, Fault> {
        // Each case asks for what it needs, and what the operator configured stays out of it.
        let mut config = Config::new().limits(most);
        if deterministic {
            config = config.deterministic();
        }
        let kinds = Arc::new(Kinds::default());
        let engine = load::loading(Engine::builder().config(config), None)
            .shared_sink(kinds.clone())
            .build()?;
        Ok(Self {
            component: engine.load_blocking(source)?,
            engine,
            kinds,
        })
    }
}

impl Bench {
    /// Loads a project's component.
    pub(super) fn set(project: &Project, cases: &[Case]) -> Result<Self, Fault> {
        let most = widest(cases);
        let source = load::source(&project.component, None)?;
        Ok(Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| {
                    Fault::system("starting the asynchronous runtime").caused_by(error)
                })?,
            fixed: Stand::set(&source, most, true)?,
            real: OnceLock::new(),
            source,
            most,
        })
    }

    /// The stand without determinism, which few cases need.
    fn real(&self) -> Result<&Stand, Fault> {
        if let Some(stand) = self.real.get() {
            return Ok(stand);
        }
        let stand = Stand::set(&self.source, self.most, false)?;
        Ok(self.real.get_or_init(|| stand))
    }

    /// Runs a case on a fresh instance. Returns what came of it, and the kinds of its events.
    ///
    /// # Errors
    ///
    /// A fault if the case's directories cannot be granted, or copied.
    pub(super) fn run(&self, case: &Case) -> Result<(Outcome, Vec<String>), Fault> {
        let stand = if case.deterministic {
            &self.fixed
        } else {
            self.real()?
        };
        let about = |fault: Fault| fault.hint(format!("the case is `{}`", case.full_name()));
        let mut copies = Copies::default();
        let mut grants = Grants::builder();
        for dir in &case.dirs {
            let host = match dir.rights {
                Rights::ReadOnly => dir.host.clone(),
                Rights::ReadWrite => copies.fresh(&dir.host).map_err(about)?,
            };
            grants = grants.dir(host, &dir.guest, dir.rights);
        }
        for (name, value) in &case.env {
            grants = grants.env(name, value);
        }
        let call = Call::function(&case.call, case.args.clone())
            .grants(grants.build().map_err(about)?)
            .limits(case.limits);
        let outcome = self
            .runtime
            .block_on(stand.engine.run(&stand.component, call));
        let mut kinds = stand.kinds.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((outcome, std::mem::take(&mut kinds)))
    }

    /// The manifest's examples as cases, and how many are left out because their functions need grants.
    pub(super) fn examples(&self) -> (Vec<Case>, usize) {
        let shape = self.fixed.component.describe();
        let mut cases = Vec::new();
        let mut left = 0;
        // Functions of two interfaces can have one name.
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for (position, function) in shape.functions().iter().enumerate() {
            let Some(about) = shape.about(position) else {
                continue;
            };
            if !about.effects.is_empty() {
                left += about.examples.len();
                continue;
            }
            for example in &about.examples {
                let number = known.entry(&function.name).or_default();
                *number += 1;
                let name = engine::data::line(&function.name, MOST_NAME);
                cases.push(Case {
                    name: format!("{name} {number}"),
                    file: String::new(),
                    line: 0,
                    call: function.full_name(),
                    args: example.args.clone().into(),
                    expected: match &example.value {
                        Some(value) => Expected::Value(value.clone()),
                        None => Expected::Success,
                    },
                    events: Vec::new(),
                    limits: Limits::default(),
                    dirs: Vec::new(),
                    env: Vec::new(),
                    deterministic: true,
                });
            }
        }
        (cases, left)
    }
}

/// Limits that are enough for every case, which asks for its own.
fn widest(cases: &[Case]) -> Limits {
    cases.iter().fold(Limits::default(), |most, case| {
        let own = &case.limits;
        let wider = Limits::builder()
            .fuel(most.fuel().max(own.fuel()))
            .memory(most.memory().max(own.memory()))
            .wall(most.wall().max(own.wall()))
            .output(most.output().max(own.output()));
        // The larger of two limits that make sense makes sense.
        wider.build().unwrap_or(most)
    })
}
