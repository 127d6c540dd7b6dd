use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::data::line;
use engine::{Code, EventKind, Grants, Json, Limits, Rights};
use serde_json::Value;

use super::read::{At, Written, close};
use super::{Case, CaseFile, Dir, Expected, Wrong};
use crate::settings;

/// The longest name of a case, which is the name of a file as well.
const MOST_NAME: usize = 120;

/// Finds cases of one name: their snapshots would be one file, also where capital letters make no difference.
pub(super) fn alike(written: &[Written], wrong: &mut Vec<Wrong>) {
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for (at, name) in written.iter().filter_map(|case| case.name.as_ref()) {
        if let Some(other) = known.insert(name.to_lowercase(), name) {
            let message = format!("there is a case `{}` already", line(other, 200));
            wrong.push(Wrong::new(*at, message).hint("a case's name is its own in its file"));
        }
    }
}

/// Takes a case as it is meant, or notes everything that is wrong with it.
pub(super) fn settle(file: &CaseFile, written: Written, wrong: &mut Vec<Wrong>) -> Option<Case> {
    let Written {
        at,
        name,
        call,
        args,
        args_json,
        value,
        value_json,
        value_none,
        error,
        message,
        snapshot,
        events,
        fuel,
        memory,
        timeout,
        max_output,
        dirs,
        env,
        deterministic,
    } = written;
    let mut noted = Noted { wrong, sound: true };
    let name = noted.take(name.ok_or_else(|| lacks(at, "name")).and_then(named));
    let call = noted.take(call.ok_or_else(|| lacks(at, "call")));
    let args = noted.take(arguments(args, args_json));
    let wish = Wish {
        at,
        value,
        value_json,
        value_none,
        error,
        message,
        snapshot,
        events: !events.is_empty(),
    };
    let snapshot = name.as_deref().map_or_else(PathBuf::new, |name| {
        file.snapshots.join(format!("{name}.json"))
    });
    let expected = noted.take(wish.settle(snapshot));
    let events: Vec<_> = events
        .into_iter()
        .map(|event| noted.take(known_event(event)))
        .collect();
    let limits = noted.take(limits([fuel, memory, timeout, max_output]));
    let dirs: Vec<_> = dirs
        .into_iter()
        .map(|dir| noted.take(directory(file, dir)))
        .collect();
    let env: Vec<_> = env
        .into_iter()
        .map(|variable| noted.take(self::variable(variable)))
        .collect();
    if !noted.sound {
        return None;
    }
    Some(Case {
        name: name?,
        file: file.name.clone(),
        line: file.line(at),
        call: call?.1,
        args: args?,
        expected: expected?,
        events: events.into_iter().collect::<Option<_>>()?,
        limits: limits?,
        dirs: dirs.into_iter().collect::<Option<_>>()?,
        env: env.into_iter().collect::<Option<_>>()?,
        deterministic: deterministic.is_none_or(|(_, fact)| fact),
    })
}

/// Where mistakes are noted, and whether there was one.
struct Noted<'a> {
    wrong: &'a mut Vec<Wrong>,
    sound: bool,
}

impl Noted<'_> {
    fn take<T>(&mut self, settled: Result<T, Wrong>) -> Option<T> {
        match settled {
            Ok(settled) => Some(settled),
            Err(wrong) => {
                self.sound = false;
                self.wrong.push(wrong);
                None
            }
        }
    }
}

fn lacks(at: usize, key: &str) -> Wrong {
    Wrong::new(at, format!("the case has no `{key}`"))
}

fn named((at, name): At<String>) -> Result<String, Wrong> {
    let odd = |c: char| {
        c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
    };
    if name.is_empty()
        || name.len() > MOST_NAME
        || name.contains(odd)
        || name.starts_with(['.', ' '])
        || name.ends_with(['.', ' '])
    {
        return Err(Wrong::new(
            at,
            format!("`{}` cannot be the name of a case", line(&name, 200)),
        )
        .hint(format!(
            "it is the name of a file, too: at most {MOST_NAME} bytes, without / \\ : * ? \" < > |, and no `.` at either end"
        )));
    }
    Ok(name)
}

fn arguments(args: Option<At<Value>>, json: Option<At<String>>) -> Result<Json, Wrong> {
    match (args, json) {
        (None, None) => Ok(Value::Object(serde_json::Map::new()).into()),
        (Some((_, value)), None) => Ok(value.into()),
        (None, Some((at, text))) => {
            Json::from_text(text).map_err(|error| no_json(at, "args-json", &error))
        }
        (Some(_), Some((at, _))) => {
            Err(Wrong::new(at, "the case has `args` and `args-json`").hint("leave one of them out"))
        }
    }
}

fn no_json(at: usize, key: &str, error: &serde_json::Error) -> Wrong {
    Wrong::new(at, format!("`{key}` is not JSON: {error}"))
}

/// What a case says of what has to come.
struct Wish {
    at: usize,
    value: Option<At<Value>>,
    value_json: Option<At<String>>,
    value_none: Option<At<bool>>,
    error: Option<At<String>>,
    message: Option<At<String>>,
    snapshot: Option<At<bool>>,
    events: bool,
}

impl Wish {
    fn settle(self, file: PathBuf) -> Result<Expected, Wrong> {
        let Wish {
            at,
            value,
            value_json,
            value_none,
            error,
            message,
            snapshot,
            events,
        } = self;
        if let (Some((at, _)), Some(_)) = (&value_json, &value) {
            return Err(Wrong::new(*at, "the case has `value` and `value-json`")
                .hint("leave one of them out"));
        }
        let value = match (value, value_json) {
            (None, Some((at, text))) => {
                let value = serde_json::from_str(&text);
                Some((
                    at,
                    value.map_err(|error| no_json(at, "value-json", &error))?,
                ))
            }
            (value, _) => value,
        };
        let mut said: Vec<(usize, &str)> = Vec::new();
        // A value beside an error is what the error carries.
        if let (Some((at, _)), None) = (&value, &error) {
            said.push((*at, "value"));
        }
        said.extend(value_none.map(|(at, _)| (at, "value-none")));
        said.extend(error.as_ref().map(|(at, _)| (*at, "error")));
        said.extend(snapshot.map(|(at, _)| (at, "snapshot")));
        said.sort_unstable();
        if let [(_, first), (at, second), ..] = said.as_slice() {
            return Err(
                Wrong::new(*at, format!("the case expects `{second}` and `{first}`"))
                    .hint("make a case for each"),
            );
        }
        if let (Some((at, _)), None) = (&message, &error) {
            return Err(Wrong::new(*at, "`message` belongs to an `error`")
                .hint("add the code, such as `error = \"E-GUEST-ERROR\"`"));
        }
        if let Some((at, text)) = error {
            let code = code(at, &text)?;
            if let (Some((at, _)), true) = (&value, code != Code::GuestError) {
                return Err(
                    Wrong::new(*at, format!("an error `{text}` carries no value"))
                        .hint("only the error case of a function does, which is `E-GUEST-ERROR`"),
                );
            }
            return Ok(Expected::Failure {
                code,
                message: message.map(|(_, message)| message),
                value: value.map(|(_, value)| value),
            });
        }
        match (value, value_none, snapshot) {
            (Some((_, value)), ..) => Ok(Expected::Value(value)),
            (None, Some(_), _) => Ok(Expected::Nothing),
            (None, None, Some(_)) => Ok(Expected::Snapshot(file)),
            (None, None, None) if events => Ok(Expected::Success),
            (None, None, None) => Err(Wrong::new(at, "the case expects nothing").hint(
                "add one of `value`, `value-json`, `value-none`, `error`, `snapshot`, `events`",
            )),
        }
    }
}

fn code(at: usize, text: &str) -> Result<Code, Wrong> {
    let known = || Code::ALL.iter().map(|code| code.as_str());
    if let Some(code) = Code::ALL.iter().find(|code| code.as_str() == text) {
        return Ok(*code);
    }
    let wrong = Wrong::new(at, format!("there is no error `{}`", line(text, 100)));
    Err(match close(text, known()) {
        Some(close) => wrong.hint(format!("did you mean `{close}`?")),
        None => wrong.hint("`docs/errors` has a page for each; that of a function's own error case is `E-GUEST-ERROR`"),
    })
}

fn known_event((at, name): At<String>) -> Result<String, Wrong> {
    let known = EventKind::NAMES;
    if known.contains(&name.as_str()) {
        return Ok(name);
    }
    let wrong = Wrong::new(
        at,
        format!("there is no kind of event `{}`", line(&name, 100)),
    );
    Err(match close(&name, known.iter().copied()) {
        Some(close) => wrong.hint(format!("did you mean `{close}`?")),
        None => wrong.hint("`engine events schema` has them all"),
    })
}

fn limits(written: [Option<At<String>>; 4]) -> Result<Limits, Wrong> {
    const KEYS: [&str; 4] = ["`fuel`", "`memory`", "`timeout`", "`max-output`"];
    let at: Vec<usize> = written.iter().flatten().map(|(at, _)| *at).collect();
    let texts = written.map(|written| written.map(|(_, text)| text));
    // Each on its own, so that the one that is wrong has its place.
    let mut places = at.iter();
    for (number, text) in texts.iter().enumerate().filter(|(_, text)| text.is_some()) {
        let mut alone: [Option<String>; 4] = Default::default();
        if let Some(place) = alone.get_mut(number) {
            place.clone_from(text);
        }
        let at = places.next().copied().unwrap_or_default();
        settings::limits(KEYS, alone, None, None)
            .map_err(|fault| Wrong::new(at, fault.to_string()))?;
    }
    let first = at.first().copied().unwrap_or_default();
    settings::limits(KEYS, texts, None, None).map_err(|fault| Wrong::new(first, fault.to_string()))
}

fn directory(file: &CaseFile, (at, text): At<String>) -> Result<Dir, Wrong> {
    let (host, guest, rights) = settings::directory(&text).map_err(|fault| {
        let wrong = Wrong::new(at, fault.to_string().replace("--dir", "`dirs`"));
        wrong.hint(fault.hints().join("; "))
    })?;
    let path = file.dir.join(&host);
    let shown = line(&host, 200);
    let outside = || {
        Wrong::new(at, format!("`{shown}` is not in the project")).hint(
            "a case reaches what lies in the project alone; paths begin at the directory of the file",
        )
    };
    // What is not there yet lies where the nearest directory does that is.
    let there = path.ancestors().find_map(|path| path.canonicalize().ok());
    if !there.is_some_and(|there| there.starts_with(&file.root)) {
        return Err(outside());
    }
    let host = match (path.canonicalize(), rights) {
        (Ok(found), _) if found.is_dir() => found,
        (Ok(_), _) => return Err(Wrong::new(at, format!("`{shown}` is no directory"))),
        (Err(_), Rights::ReadWrite) if Path::new(&host).components().all(is_plain) => path,
        (Err(_), Rights::ReadWrite | Rights::ReadOnly) => {
            return Err(Wrong::new(at, format!("there is no directory `{shown}`"))
                .hint("paths begin at the directory of the file of cases"));
        }
    };
    Ok(Dir {
        host,
        guest,
        rights,
    })
}

fn is_plain(component: std::path::Component<'_>) -> bool {
    matches!(
        component,
        std::path::Component::Normal(_) | std::path::Component::CurDir
    )
}

fn variable((at, text): At<String>) -> Result<(String, String), Wrong> {
    let Some((name, value)) = text.split_once('=') else {
        return Err(
            Wrong::new(at, format!("`{}` has no value", line(&text, 100)))
                .hint("write it as `NAME=VALUE`: a case does not depend on where it runs"),
        );
    };
    Grants::builder()
        .env(name, value)
        .build()
        .map_err(|fault| Wrong::new(at, fault.to_string()))?;
    Ok((name.to_owned(), value.to_owned()))
}
