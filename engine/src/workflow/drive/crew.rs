use std::collections::BTreeMap;

use serde_json::Value;

use crate::guard::Grants;
use crate::session::{Call, Compiled, Engine, LookedUp};
use crate::types::{Bytes, Fault, Fuel, Function, FunctionManifest, Limits, LimitsError, WallTime};
use crate::workflow::check::{Finding, Found};
use crate::workflow::machine::{Known, Most};
use crate::workflow::refs;

/// The engine, and the components that plans may use.
#[derive(Clone, Debug)]
pub(super) struct Crew {
    pub(super) engine: Engine,
    pub(super) components: BTreeMap<String, Compiled>,
    /// The caller's layer of every call.
    pub(super) own: (Option<Grants>, Option<Limits>),
}

impl Crew {
    pub(super) fn look_up(
        &self,
        capability: &str,
        function: Option<&str>,
    ) -> Result<LookedUp, Fault> {
        let mut found = self
            .engine
            .look_up(&self.components, capability, function)?;
        if let Some(own) = &self.own.1 {
            found.limits = found.limits.narrowed_by(own);
        }
        Ok(found)
    }

    /// The component of a capability, and a call of its function.
    pub(super) fn call(
        &self,
        capability: &str,
        function: Option<&str>,
        args: Value,
    ) -> Result<(Compiled, Call, LookedUp), Fault> {
        let found = self.look_up(capability, function)?;
        let call = match &found.name {
            Some(name) => Call::capability(name, args),
            None => Call::function(function_of(&found).full_name(), args),
        };
        let call = match &self.own.0 {
            Some(own) => call.grants(own.clone()),
            None => call,
        };
        Ok((found.component.clone(), call, found))
    }
}

fn function_of(found: &LookedUp) -> Function {
    let shape = found.component.describe();
    shape
        .functions()
        .get(found.position)
        .cloned()
        .unwrap_or(Function {
            interface: None,
            name: String::new(),
            parameters: Vec::new(),
            result: None,
        })
}

impl Finding for Crew {
    fn find(&self, capability: &str, function: Option<&str>) -> Result<Found, Fault> {
        let found = self.look_up(capability, function)?;
        let shape = found.component.describe();
        let declared = shape.about(found.position).map(FunctionManifest::declared);
        let mut limits = found.limits;
        if let Some(manifest) = shape.manifest() {
            limits = manifest.asks.limits.narrow(&limits);
        }
        Ok(Found {
            function: function_of(&found),
            known: Known {
                action: found.action.clone(),
                digest: Some(shape.digest()),
                repeatable: declared
                    .as_ref()
                    .is_some_and(|declared| declared.pure || declared.idempotent),
                pure: declared.as_ref().is_some_and(|declared| declared.pure),
                fuel: limits.fuel().get(),
                wall_ms: u64::try_from(limits.wall().get().as_millis()).unwrap_or(u64::MAX),
                output_bytes: limits.output().get(),
                result: refs::output(&function_of(&found)).cloned(),
            },
            labels: found.labels.clone(),
            declared,
        })
    }

    fn names(&self) -> Vec<String> {
        let components = self.components.keys().map(String::as_str);
        components
            .chain(self.engine.capability_names())
            .map(str::to_owned)
            .collect()
    }
}

/// Limits of one call, within what the workflow has left for it.
pub(super) fn limits(most: Most, outer: &Limits) -> Result<Limits, LimitsError> {
    Limits::builder()
        .fuel(Fuel::new(most.fuel))
        .wall(WallTime::millis(most.wall_ms.max(1)))
        .output(Bytes::new(most.output_bytes))
        .memory(outer.memory())
        .build()
}
