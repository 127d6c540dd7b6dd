use engine::data::{Grant, line};
use engine::{Descriptor, Rights};

/// One piece of authority: what the manifest asks for, what is granted, and what is missing.
pub(super) struct Row {
    pub(super) what: String,
    pub(super) asked: String,
    pub(super) granted: String,
    pub(super) missing: String,
}

/// What a component asks for beside what it is granted; nothing without a manifest.
pub(super) fn rows(shape: &Descriptor, granted: &[Grant]) -> Vec<Row> {
    let Some(manifest) = shape.manifest() else {
        return Vec::new();
    };
    let rights = granted.iter().filter_map(|grant| {
        if let Grant::Dir { rights, .. } = grant {
            Some(*rights)
        } else {
            None
        }
    });
    let (asked, given) = (manifest.asks.files, rights.max());
    let shown =
        |rights: Option<Rights>| rights.map_or_else(String::new, |rights| rights.to_string());
    let mut rows = Vec::new();
    if asked.is_some() || given.is_some() {
        rows.push(Row {
            what: "files".to_owned(),
            asked: shown(asked),
            granted: shown(given),
            missing: shown(asked.filter(|asked| Some(*asked) > given)),
        });
    }
    let has = |wanted: &str| {
        granted
            .iter()
            .any(|grant| matches!(grant, Grant::Env { name } if name == wanted))
    };
    let yes = |yes: bool| if yes { "yes" } else { "" }.to_owned();
    for name in &manifest.asks.env {
        rows.push(Row {
            what: line(name, 64),
            asked: yes(true),
            granted: yes(has(name)),
            missing: yes(!has(name)),
        });
    }
    let callable = |wanted: &str| {
        granted
            .iter()
            .any(|grant| matches!(grant, Grant::Action { name } if name == wanted))
    };
    for name in &manifest.asks.actions {
        rows.push(Row {
            what: format!("call {}", line(name, 128)),
            asked: yes(true),
            granted: yes(callable(name)),
            missing: yes(!callable(name)),
        });
    }
    for grant in granted {
        let unasked = if let Grant::Env { name } = grant
            && !manifest.asks.env.contains(name)
        {
            line(name, 64)
        } else if let Grant::Action { name } = grant
            && !manifest.asks.actions.contains(name)
        {
            format!("call {}", line(name, 128))
        } else {
            continue;
        };
        rows.push(Row {
            what: unasked,
            asked: yes(false),
            granted: yes(true),
            missing: yes(false),
        });
    }
    rows
}
