use std::collections::BTreeMap;
#[cfg(feature = "guard-cedar")]
use std::sync::Mutex;
use std::sync::{Arc, RwLock};

use super::clock::SystemClock;
use super::config::Config;
use super::engine::{Engine, Inner};
use crate::component::{CodeCache, Compiler, Runtime};
use crate::event::Sink;
use crate::guard::{ApprovalDesk, Approver, Current};
use crate::types::{Clock, Fault};

/// Collects what an engine needs.
#[derive(Default)]
pub struct EngineBuilder {
    config: Config,
    sinks: Vec<Arc<dyn Sink>>,
    clock: Option<Arc<dyn Clock>>,
    desk: Option<ApprovalDesk>,
    approver: Option<Arc<dyn Approver>>,
    cache: Option<CodeCache>,
    compiler: Option<Compiler>,
}

impl std::fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl EngineBuilder {
    /// What the operator decides.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Adds a listener. Every sink gets every event.
    #[must_use]
    pub fn sink(mut self, sink: impl Sink + 'static) -> Self {
        self.sinks.push(Arc::new(sink));
        self
    }

    /// Adds a listener that others hold, too.
    #[must_use]
    pub fn shared_sink(mut self, sink: Arc<dyn Sink>) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Reads time from somewhere else, for tests. Deadlines of a guest that waits in a host call
    /// follow the machine's clock all the same.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Keeps compiled code here, and uses what was kept before. Without it every component is compiled when it is loaded.
    #[must_use]
    pub fn cache(mut self, cache: CodeCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Compiles components in processes of their own. Without it they are compiled in this one, within bounds on their
    /// structure alone: never load components of strangers like that in a process that others depend on.
    #[must_use]
    pub fn compiler(mut self, compiler: Compiler) -> Self {
        self.compiler = Some(compiler);
        self
    }

    /// Leaves questions about actions that need approval here. Without it, and without an approver, such
    /// actions are denied.
    #[must_use]
    pub fn approvals(mut self, desk: ApprovalDesk) -> Self {
        self.desk = Some(desk);
        self
    }

    /// Asks somebody who is there first.
    #[must_use]
    pub fn approver(mut self, approver: impl Approver + 'static) -> Self {
        self.approver = Some(Arc::new(approver));
        self
    }

    /// Makes the engine.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-CONFIG` if a grant touches the engine's home, two capabilities
    /// have the same name, or a compiler is given nothing to work with.
    pub fn build(self) -> Result<Engine, Fault> {
        let EngineBuilder {
            config:
                Config {
                    policy,
                    policies,
                    capabilities,
                    deterministic,
                    pool,
                },
            sinks,
            clock,
            desk,
            approver,
            cache,
            compiler,
        } = self;
        let policy = match &cache {
            // Whoever writes there decides what the engine runs.
            Some(cache) => policy.home(cache.dir()),
            None => policy,
        };
        policy.check()?;
        let mut named = BTreeMap::new();
        for capability in capabilities {
            if let Some(grants) = &capability.layer.grants {
                policy.keep_out(grants)?;
            }
            if let Some(twice) = named.insert(capability.name.clone(), capability) {
                return Err(Fault::config(format!(
                    "the capability `{}` is configured twice",
                    twice.name
                )));
            }
        }
        Ok(Engine::of(Arc::new(Inner {
            runtime: Runtime::new(cache, compiler, deterministic, pool)?,
            policy,
            policies: Arc::new(Current::new(policies)),
            capabilities: named,
            desk,
            approver,
            #[cfg(feature = "guard-cedar")]
            fitting: Mutex::default(),
            #[cfg(feature = "guard-cedar")]
            loaded: Mutex::default(),
            offered: RwLock::default(),
            sinks: sinks.into(),
            clock: clock.unwrap_or_else(|| Arc::new(SystemClock::new())),
        })))
    }
}
