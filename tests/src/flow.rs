use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine::data::{ApprovalDesk, GrantsBuilder, JournalOptions, Mode, Policies, Principal};
use engine::workflow::{
    Act, Checked, MemoryStore, Plan, Start, State, Summary, WorkflowStore, Workflows,
};
use engine::{Config, Engine, Event, Fault, Grants, Journal, Memory, Rights, Source};
use serde_json::{Value, json};

use crate::build::guests;
use crate::guest;
use crate::slow::SlowStore;

/// Runs plans on the guest `steps`, with a directory `work` of its own.
#[derive(Debug)]
pub struct Flow {
    /// Where the guest's files are.
    pub dir: tempfile::TempDir,
    /// What runs plans.
    pub workflows: Workflows,
    /// The engine below.
    pub engine: Engine,
    events: Arc<Memory>,
    /// The desk of approvals, where there is one.
    pub desk: Option<ApprovalDesk>,
    /// The journal, where there is one.
    pub journal: Option<Journal>,
}

/// How a [`Flow`] is made.
#[derive(Debug)]
pub struct FlowBuilder {
    policies: Policies,
    journaled: bool,
    slow: bool,
    questions_last: Option<Duration>,
    grants: Option<Grants>,
}

impl Flow {
    /// Starts from the policies of the bundle `strict`, in memory.
    pub fn builder() -> FlowBuilder {
        FlowBuilder {
            policies: Policies::default(),
            journaled: false,
            slow: false,
            questions_last: None,
            grants: None,
        }
    }

    /// A plan of these steps: an id, a function of `steps`, and its arguments; each with more keys.
    pub fn plan(steps: &[(&str, &str, Value, Value)], more: Value) -> Value {
        let steps: Vec<Value> = steps
            .iter()
            .map(|(id, function, args, more)| {
                merged(
                    json!({ "id": id, "capability": "steps", "function": function, "args": args }),
                    more.clone(),
                )
            })
            .collect();
        merged(
            json!({ "version": 1, "goal": "a test", "steps": steps }),
            more,
        )
    }

    /// Understands a plan; panics if it makes no sense by itself.
    pub fn understood(plan: &Value) -> Plan {
        let spec = serde_json::from_value(plan.clone()).unwrap();
        Plan::new(spec, Default::default()).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    /// Checks a plan.
    pub async fn check(&self, plan: &Value) -> Checked {
        self.workflows.check(&Self::understood(plan)).await
    }

    /// Checks a plan and runs it; panics if it was not accepted.
    pub async fn run(&self, plan: &Value) -> Summary {
        let checked = self.check(plan).await;
        assert!(checked.is_accepted(), "{:#?}", checked.problems);
        self.workflows.run(checked, Start::default()).await.unwrap()
    }

    /// Begins to run a plan in the background; returns its id at once.
    pub async fn begin(
        &self,
        plan: &Value,
    ) -> (
        engine::data::WorkflowId,
        tokio::task::JoinHandle<Result<Summary, Fault>>,
    ) {
        let checked = self.check(plan).await;
        assert!(checked.is_accepted(), "{:#?}", checked.problems);
        let id = engine::data::WorkflowId::fresh();
        let (workflows, start) = (
            self.workflows.clone(),
            Start {
                workflow: Some(id),
                ..Start::default()
            },
        );
        let running = tokio::spawn(async move { workflows.run(checked, start).await });
        while self.workflows.state(id).is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        (id, running)
    }

    /// Does something to a workflow.
    pub async fn act(
        &self,
        id: engine::data::WorkflowId,
        token: Option<String>,
        act: Value,
    ) -> Result<Option<Value>, Fault> {
        let act: Act = serde_json::from_value(act).unwrap();
        let by = Principal::new("ann");
        self.workflows.act(id, by, token, act).await
    }

    /// Waits until the state of a workflow is as wanted.
    pub async fn until(
        &self,
        id: engine::data::WorkflowId,
        wanted: impl Fn(&State) -> bool,
    ) -> State {
        for _ in 0..2_000 {
            let state = self.workflows.state(id).unwrap();
            if wanted(&state) {
                return state;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("{:#?}", self.workflows.state(id).unwrap());
    }

    /// The same with another version of a component, which does the same.
    pub async fn altered(&self, name: &str) -> Workflows {
        let path = guests().join(format!("{name}.wasm"));
        let mut bytes = std::fs::read(path).unwrap();
        // A custom section `x` without content.
        bytes.extend([0, 2, 1, b'x']);
        let other = Source::bytes(name, bytes).unwrap();
        let component = self.engine.load(other).await.unwrap();
        self.workflows.clone().component(component)
    }

    /// All events so far.
    pub fn events(&self) -> Vec<Event> {
        self.events.events()
    }

    /// The kinds of the workflow's own events, each with its step.
    pub fn told(&self) -> Vec<String> {
        let events = self.events();
        let own = events
            .iter()
            .filter(|event| matches!(event.source, engine::data::Source::Workflow { .. }));
        own.map(|event| {
            let step = event
                .scope
                .iter()
                .find_map(|scope| scope.to_string().strip_prefix("step:").map(str::to_owned));
            match step {
                Some(step) => format!("{} {step}", event.kind.name()),
                None => event.kind.name().to_owned(),
            }
        })
        .collect()
    }

    /// What is in a file of the guest.
    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default()
    }
}

impl FlowBuilder {
    /// Other policies.
    pub fn policies(mut self, policies: Policies) -> Self {
        self.policies = policies;
        self
    }

    /// No policies at all, so that what is tested is the workflow alone.
    pub fn unguarded(self) -> Self {
        self.policies(Policies::builder().mode(Mode::Off).build().unwrap())
    }

    /// Keeps everything in a journal.
    pub fn journaled(mut self) -> Self {
        self.journaled = true;
        self
    }

    /// How long questions about approvals last.
    pub fn questions_last(mut self, lasts: Duration) -> Self {
        self.questions_last = Some(lasts);
        self
    }

    /// Keeps everything in memory, slowly.
    pub fn slow(mut self) -> Self {
        self.slow = true;
        self
    }

    /// Grants something else than the directory `work`.
    pub fn grants(mut self, change: impl FnOnce(GrantsBuilder) -> GrantsBuilder) -> Self {
        self.grants = Some(change(Grants::builder()).build().unwrap());
        self
    }

    /// Makes it.
    pub async fn build(self) -> Flow {
        let dir = tempfile::tempdir().unwrap();
        self.build_in(dir).await
    }

    /// Makes it with files of an earlier one.
    pub async fn build_in(self, dir: tempfile::TempDir) -> Flow {
        let FlowBuilder {
            policies,
            journaled,
            slow,
            questions_last,
            grants,
        } = self;
        let work = dir.path().join("work");
        let kept = dir.path().join("kept");
        for dir in [&work, &kept] {
            std::fs::create_dir_all(dir).unwrap();
        }
        let grants = grants.unwrap_or_else(|| granted(&work));
        let events = Arc::new(Memory::default());
        let mut builder = Engine::builder()
            .config(Config::new().policies(policies).grants(grants))
            .shared_sink(events.clone());
        let (store, journal): (Arc<dyn WorkflowStore>, _) = if journaled {
            let journal = JournalOptions::new().open(kept.join("journal.db")).unwrap();
            builder = builder.sink(journal.clone());
            (Arc::new(journal.clone()), Some(journal))
        } else if slow {
            (Arc::new(SlowStore::default()), None)
        } else {
            (Arc::new(MemoryStore::default()), None)
        };
        let desk = journal.clone().map(|journal| match questions_last {
            Some(lasts) => ApprovalDesk::lasting(Arc::new(journal), lasts),
            None => ApprovalDesk::new(Arc::new(journal)),
        });
        if let Some(desk) = &desk {
            builder = builder.approvals(desk.clone());
        }
        let engine = builder.build().unwrap();
        let steps = engine.load(guest("steps")).await.unwrap();
        let text = engine.load(guest("text")).await.unwrap();
        let workflows = Workflows::new(engine.clone(), store)
            .component(steps)
            .component(text);
        Flow {
            dir,
            workflows,
            engine,
            events,
            desk,
            journal,
        }
    }
}

fn granted(work: &Path) -> Grants {
    Grants::builder()
        .dir(work, "work", Rights::ReadWrite)
        .build()
        .unwrap()
}

fn merged(mut one: Value, two: Value) -> Value {
    if let (Value::Object(one), Value::Object(two)) = (&mut one, two) {
        one.extend(two);
    }
    one
}
