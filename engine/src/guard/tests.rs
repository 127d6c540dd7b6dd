//! Actions to judge, for tests.

use serde_json::Value;

use super::{Counters, Grants, Policies, Question};
use crate::session::SystemClock;
use crate::types::{
    Action, Decision, Declared, Digest, Effect, Function, Parameter, Principal, Verdict, Via,
    WitType,
};

/// An action that declares these effects; `None` for a component without a manifest.
pub(super) fn action(name: &str, effects: Option<&[Effect]>) -> Action {
    Action {
        principal: Principal::default(),
        via: Via::Direct,
        name: name.to_owned(),
        also: None,
        component: "sample".to_owned(),
        version: None,
        digest: Digest::of(b"sample"),
        function: "f".to_owned(),
        declared: effects.map(|effects| Declared {
            effects: effects.iter().copied().collect(),
            pure: effects.is_empty(),
            idempotent: false,
        }),
        arguments: Digest::of(b"arguments"),
        step: None,
        labels: [].into(),
    }
}

/// A function with one parameter of text.
pub(super) fn function(parameter: &str) -> Function {
    Function {
        interface: None,
        name: "f".to_owned(),
        parameters: vec![Parameter {
            name: parameter.to_owned(),
            ty: WitType::String,
        }],
        result: None,
    }
}

/// The verdict on an action whose one argument is this text.
pub(super) fn verdict(
    policies: &Policies,
    action: &Action,
    (parameter, text): (&str, &str),
    grants: &Grants,
    counters: Counters,
) -> Verdict {
    let function = function(parameter);
    let arguments = serde_json::json!({ parameter: text });
    let make = || -> Value { arguments.clone() };
    let question = Question::new(action, Some(&function), grants, counters, &make);
    let said = policies.judge(&question, &SystemClock::new());
    policies.verdict(&said, &question)
}

/// The decision on such an action without grants.
pub(super) fn decision(policies: &Policies, action: &Action, argument: (&str, &str)) -> Decision {
    let none = Grants::none();
    verdict(policies, action, argument, &none, Counters::default()).decision
}
