//! One decision among many policies.

use std::hint::black_box;

use engine::data::{
    Action, CedarPolicies, Counters, Declared, Digest, Effect, Guard as _, Judgement, Parameter,
    Principal, Question, Via, WitType,
};
use engine::{Function, Grants};
use serde_json::json;

use crate::table::{Row, Target, Unit};
use crate::timing::{Times, turns};

const DECISIONS: usize = 20_000;

/// Which capabilities the policies speak of.
#[derive(Clone, Copy)]
pub(crate) enum About {
    /// Five policies for each capability, as somebody would write them.
    FiveEach,
    /// All of them for the one that is asked about, so that no index helps.
    AllOfOne,
}

/// So many policies, each with two conditions; every fifth forbids.
fn policies(count: usize, about: About) -> CedarPolicies {
    let policy = |n: usize| {
        let capability = match about {
            About::FiveEach => n / 5,
            About::AllOfOne => 0,
        };
        let effect = if n % 5 == 4 { "forbid" } else { "permit" };
        format!(
            "@id(\"p{n}\") {effect} (principal, action == Action::\"c{capability}.read.v1\", resource)
             when {{ context.args.path like \"/data/{n}/*\" && context.calls.all < 100 }};\n"
        )
    };
    let text: String = (0..count).map(policy).collect();
    CedarPolicies::parse(&[("bench.cedar".to_owned(), text)]).unwrap()
}

/// Makes one decision at a time, with everything that is made of the arguments for it.
pub(crate) fn decider(count: usize, about: About) -> impl FnMut() -> Judgement {
    let policies = policies(count, about);
    let action = Action {
        principal: Principal::default(),
        via: Via::Direct,
        name: "c0.read.v1".to_owned(),
        also: None,
        component: "c0".to_owned(),
        version: Some("1.0.0".to_owned()),
        digest: Digest::of(b"component"),
        function: "read".to_owned(),
        declared: Some(Declared {
            effects: [Effect::Read].into(),
            pure: false,
            idempotent: true,
        }),
        arguments: Digest::of(b"arguments"),
        step: None,
        labels: [].into(),
    };
    let grants = Grants::none();
    let function = Function {
        interface: None,
        name: "read".to_owned(),
        parameters: vec![Parameter {
            name: "path".to_owned(),
            ty: WitType::String,
        }],
        result: None,
    };
    let arguments = || json!({ "path": "/data/0/file.txt" });
    move || {
        let question = Question::new(
            &action,
            Some(&function),
            &grants,
            Counters::default(),
            &arguments,
        );
        policies.judge(&question).unwrap()
    }
}

/// How long one decision takes.
pub(crate) fn decisions(count: usize, about: About) -> Times {
    let mut decide = decider(count, about);
    assert!(decide().permission.is_some());
    let [times] = turns(
        DECISIONS,
        [&mut || {
            black_box(decide());
        }],
    );
    times
}

pub(super) fn rows() -> Vec<Row> {
    let row = |figure: &str, about| {
        let times = decisions(100, about);
        Row {
            figure: figure.to_owned(),
            unit: Unit::Micros,
            target: Target::AtMost(10.0),
            measured: Ok(times.spread().median_us),
            detail: format!("{times}"),
        }
    };
    vec![
        row(
            "one decision among 100 policies, five for each capability",
            About::FiveEach,
        ),
        row(
            "one decision among 100 policies, all for one capability",
            About::AllOfOne,
        ),
    ]
}
