//! The lines of a documentation that are for the engine.

use serde_json::{Map, Value, json};
use wit_parser::Docs;

use crate::Problem;

/// What a function may do beyond returning a value.
const EFFECTS: [&str; 5] = ["read", "write", "network", "destructive", "spend"];

/// What is said of a function.
#[derive(Debug, Default)]
pub(crate) struct Told {
    description: String,
    pub(crate) capability: Option<String>,
    effects: Option<Vec<String>>,
    pure: bool,
    idempotent: bool,
    examples: Vec<Value>,
}

/// What is said of a world.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) description: String,
    pub(crate) name: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) asks: Map<String, Value>,
}

impl Told {
    pub(crate) fn json(self, capability: &str) -> Value {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        put("capability", json!(capability));
        put("description", json!(self.description));
        match self.effects {
            Some(effects) if !effects.is_empty() => {
                put("effects", json!(effects));
            }
            Some(_) | None => {}
        }
        if self.pure {
            put("pure", json!(true));
        }
        if self.idempotent {
            put("idempotent", json!(true));
        }
        if !self.examples.is_empty() {
            put("examples", Value::Array(self.examples));
        }
        Value::Object(fields)
    }
}

pub(crate) fn about_function(docs: &Docs) -> Result<Told, Problem> {
    let (description, tags) = split(docs);
    let mut told = Told {
        description,
        ..Told::default()
    };
    for (tag, text) in &tags {
        match tag.as_str() {
            "pure" => flag(&mut told.pure, tag, text)?,
            "idempotent" => flag(&mut told.idempotent, tag, text)?,
            "effects" => once(&mut told.effects, tag, effects(text)?)?,
            "capability" => once(&mut told.capability, tag, word(tag, text)?)?,
            "example" => told.examples.push(example(text)?),
            other => {
                return Err(unknown(
                    other,
                    &["pure", "effects", "idempotent", "capability", "example"],
                ));
            }
        }
    }
    match (told.pure, &told.effects) {
        (true, Some(effects)) if !effects.is_empty() => {
            Err(Problem::new("it is `@pure` and yet has `@effects`").hint("keep one of them"))
        }
        (false, None) => Err(Problem::new("it does not say what it does").hint(
            "add a line to its documentation: `@pure` if equal arguments give equal results and nothing else happens, or \
             `@effects` with `none` or some of `read`, `write`, `network`, `destructive`, `spend`",
        )),
        _ => Ok(told),
    }
}

pub(crate) fn about_world(docs: &Docs) -> Result<World, Problem> {
    let (description, tags) = split(docs);
    let mut world = World {
        description,
        ..World::default()
    };
    for (tag, text) in &tags {
        match tag.as_str() {
            "name" => once(&mut world.name, tag, word(tag, text)?)?,
            "version" => once(&mut world.version, tag, word(tag, text)?)?,
            "asks" => asks(&mut world.asks, text)?,
            other => return Err(unknown(other, &["name", "version", "asks"])),
        }
    }
    Ok(world)
}

/// The text for people, and the tags after it with what follows each.
fn split(docs: &Docs) -> (String, Vec<(String, String)>) {
    let text = docs.contents.as_deref().unwrap_or_default();
    let mut description: Vec<&str> = Vec::new();
    let mut tags: Vec<(String, String)> = Vec::new();
    for line in text.lines().map(str::trim) {
        match (line.strip_prefix('@'), tags.last_mut()) {
            (Some(tag), _) => {
                let (name, rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
                tags.push((name.to_owned(), rest.trim().to_owned()));
            }
            (None, None) => description.push(line),
            (None, Some(_)) if line.is_empty() => {}
            // What follows a tag belongs to it.
            (None, Some((_, text))) => {
                text.push('\n');
                text.push_str(line);
            }
        }
    }
    (description.join("\n").trim().to_owned(), tags)
}

fn unknown(tag: &str, known: &[&str]) -> Problem {
    let known: Vec<String> = known.iter().map(|tag| format!("`@{tag}`")).collect();
    Problem::new(format!("`@{tag}` is not known here"))
        .hint(format!("known are {}", known.join(", ")))
}

fn flag(set: &mut bool, tag: &str, text: &str) -> Result<(), Problem> {
    if !text.is_empty() {
        return Err(
            Problem::new(format!("nothing follows `@{tag}`, and here `{text}` does"))
                .hint("descriptions come before the tags"),
        );
    }
    if std::mem::replace(set, true) {
        return Err(twice(tag));
    }
    Ok(())
}

fn once<T>(set: &mut Option<T>, tag: &str, value: T) -> Result<(), Problem> {
    if set.replace(value).is_some() {
        return Err(twice(tag));
    }
    Ok(())
}

fn twice(tag: &str) -> Problem {
    Problem::new(format!("`@{tag}` is there twice"))
}

fn word(tag: &str, text: &str) -> Result<String, Problem> {
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(
            Problem::new(format!("one word follows `@{tag}`, and here `{text}` does"))
                .hint("descriptions come before the tags"),
        );
    }
    Ok(text.to_owned())
}

fn effects(text: &str) -> Result<Vec<String>, Problem> {
    let words: Vec<&str> = text
        .split([' ', ',', '\n'])
        .filter(|word| !word.is_empty())
        .collect();
    if words == ["none"] {
        return Ok(Vec::new());
    }
    let odd = words.iter().find(|word| !EFFECTS.contains(word));
    match (words.is_empty(), odd) {
        (false, None) => Ok(words.into_iter().map(str::to_owned).collect()),
        (empty, odd) => {
            let what = match odd {
                Some(odd) if !empty => format!("`{odd}` is no effect"),
                _ => "`@effects` names none".to_owned(),
            };
            Err(Problem::new(what).hint(
                "write `none`, or some of `read`, `write`, `network`, `destructive`, `spend`",
            ))
        }
    }
}

fn example(text: &str) -> Result<Value, Problem> {
    let wrong = |why: String| {
        Problem::new(format!("an `@example` {why}"))
            .hint("write the arguments in JSON, and after `->` what comes back: `@example {\"name\": \"Ada\"} -> \"Hello\"`")
    };
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let args = match values.next() {
        Some(Ok(args @ (Value::Object(_) | Value::Array(_)))) => args,
        Some(Ok(other)) => {
            return Err(wrong(format!(
                "has `{other}` for arguments, which is no object and no array"
            )));
        }
        Some(Err(error)) => return Err(wrong(format!("has no JSON: {error}"))),
        None => return Err(wrong("is empty".to_owned())),
    };
    let rest = text.get(values.byte_offset()..).unwrap_or_default().trim();
    if rest.is_empty() {
        return Ok(json!({ "args": args }));
    }
    let value = rest
        .strip_prefix("->")
        .ok_or_else(|| wrong(format!("has `{rest}` after its arguments")))?;
    let value: Value = serde_json::from_str(value)
        .map_err(|error| wrong(format!("has no JSON after `->`: {error}")))?;
    Ok(json!({ "args": args, "value": value }))
}

fn asks(asks: &mut Map<String, Value>, text: &str) -> Result<(), Problem> {
    let wrong = |why: String| {
        Problem::new(why).hint(
            "write `@asks files ro`, `@asks files rw`, `@asks env NAME`, `@asks action NAME`, or a limit such as `@asks \
             memory 64MiB`: `fuel`, `memory`, `timeout` or `output`",
        )
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let [what, value] = words.as_slice() else {
        return Err(wrong(format!(
            "two words follow `@asks`, and here `{text}` does"
        )));
    };
    let (set, key) = match *what {
        "files" if ["ro", "rw"].contains(value) => (&mut *asks, "files"),
        "files" => return Err(wrong(format!("`{value}` is neither `ro` nor `rw`"))),
        "env" | "action" => {
            let key = if *what == "env" { "env" } else { "actions" };
            let names = asks.entry(key).or_insert_with(|| json!([]));
            if let Value::Array(names) = names {
                names.push(json!(value));
            }
            return Ok(());
        }
        limit @ ("fuel" | "memory" | "timeout" | "output") => {
            let limits = asks.entry("limits").or_insert_with(|| json!({}));
            // Nobody else puts something there.
            let Value::Object(limits) = limits else {
                return Ok(());
            };
            (limits, limit)
        }
        other => return Err(wrong(format!("nobody can ask for `{other}`"))),
    };
    if set.insert(key.to_owned(), json!(value)).is_some() {
        return Err(twice(&format!("asks {key}")));
    }
    Ok(())
}
