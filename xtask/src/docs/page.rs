//! What a page says. Every word of it is from the component, as `engine inspect` shows it.

use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::shipped::Shipped;

const NOTE: &str =
    "<!-- Made from the component by `cargo xtask docs`; change its WIT, not this page. -->\n";

/// The page that lists all capabilities.
pub(super) fn index(all: &[(Shipped, Value)]) -> anyhow::Result<String> {
    let mut page = format!(
        "{NOTE}\n# Capabilities\n\nWhat comes with the engine. Each is a component of its own, without authority until it is \
         granted.\n\n| capability | what it is for | it asks for | functions |\n| --- | --- | --- | --- |\n"
    );
    for (Shipped { name, .. }, told) in all {
        let description = text(told, "/manifest/description")?;
        let functions: Vec<String> = functions(told)?
            .into_iter()
            .map(|function| Ok(format!("`{}`", function.capability()?)))
            .collect::<anyhow::Result<_>>()?;
        writeln!(
            page,
            "| [{name}]({name}.md) | {} | {} | {} |",
            cell(&first(description)),
            cell(&asked(told)?.unwrap_or_else(|| "nothing".to_owned())),
            functions.join(", ")
        )?;
    }
    Ok(page)
}

/// The page of one capability.
pub(super) fn of(capability: &Shipped, told: &Value) -> anyhow::Result<String> {
    let name = &capability.name;
    let mut page = format!(
        "{NOTE}\n# {name}\n\n{}\n\nVersion {}.\n\n## Authority\n\n",
        text(told, "/manifest/description")?,
        text(told, "/manifest/version")?,
    );
    match asked(told)? {
        Some(asked) => writeln!(
            page,
            "It asks for {asked}; it gets no more than is granted."
        )?,
        None => writeln!(page, "It asks for nothing.")?,
    }
    let functions = functions(told)?;
    writeln!(page, "\n## Functions\n")?;
    for function in &functions {
        let own = function.name()?;
        writeln!(
            page,
            "- [`{own}`](#{own}): {}",
            first(function.description()?)
        )?;
    }
    for function in &functions {
        function.write(&capability.file, &mut page)?;
    }
    types(told, &mut page)?;
    Ok(page)
}

/// A function as it is called, and as its author describes it.
struct Function<'a> {
    called: &'a Value,
    about: &'a Value,
}

impl Function<'_> {
    fn name(&self) -> anyhow::Result<&str> {
        text(self.called, "/name")
    }

    fn capability(&self) -> anyhow::Result<&str> {
        text(self.about, "/capability")
    }

    fn description(&self) -> anyhow::Result<&str> {
        let description = text(self.about, "/description")?;
        ensure!(
            !description.is_empty(),
            "`{}` has no description",
            self.name()?
        );
        Ok(description)
    }

    fn write(&self, file: &str, page: &mut String) -> anyhow::Result<()> {
        let name = self.name()?;
        writeln!(page, "\n### {name}\n\n{}\n", self.description()?)?;
        writeln!(page, "```wit\n{}\n```\n", text(self.called, "/signature")?)?;
        writeln!(page, "- Name to configure: `{}`", self.capability()?)?;
        writeln!(page, "- Full name: `{}`", text(self.called, "/full_name")?)?;
        writeln!(page, "- {}", self.effects())?;
        let examples = self.about.get("examples").and_then(Value::as_array);
        for example in examples.into_iter().flatten() {
            let args = example.get("args").context("an example has no arguments")?;
            let args = args.to_string().replace('\'', r"'\''");
            writeln!(page, "\n```console\n$ engine exec {file} {name} '{args}'")?;
            if let Some(value) = example.get("value") {
                writeln!(page, "{value}")?;
            }
            writeln!(page, "```")?;
        }
        for (what, key) in [("parameters", "/parameters"), ("result", "/result")] {
            match self.called.pointer(key) {
                None | Some(Value::Null) => {}
                Some(schema) => writeln!(
                    page,
                    "\n<details><summary>JSON Schema of the {what}</summary>\n\n```json\n{schema:#}\n```\n\n</details>"
                )?,
            }
        }
        Ok(())
    }

    fn effects(&self) -> String {
        let said = |key: &str| self.about.get(key) == Some(&Value::Bool(true));
        let effects = self.about.get("effects").and_then(Value::as_array);
        let effects: Vec<String> = effects
            .into_iter()
            .flatten()
            .filter_map(|effect| Some(format!("`{}`", effect.as_str()?)))
            .collect();
        let mut line = match effects.as_slice() {
            [] => "Effects: none".to_owned(),
            some => format!("Effects: {}", some.join(", ")),
        };
        if said("pure") {
            line.push_str("; pure: equal arguments give equal results");
        } else if said("idempotent") {
            line.push_str("; idempotent: to do it twice is to do it once");
        }
        line
    }
}

fn functions(told: &Value) -> anyhow::Result<Vec<Function<'_>>> {
    let called = told
        .get("functions")
        .and_then(Value::as_array)
        .context("it has no functions")?;
    let about = told
        .pointer("/manifest/functions")
        .context("it has no manifest")?;
    called
        .iter()
        .map(|called| {
            let (name, full) = (text(called, "/name")?, text(called, "/full_name")?);
            let about = about.get(full).or_else(|| about.get(name));
            let about = about.with_context(|| format!("its manifest is silent about `{name}`"))?;
            Ok(Function { called, about })
        })
        .collect()
}

/// The types that its functions speak of, with what their author says of each part.
fn types(told: &Value, page: &mut String) -> anyhow::Result<()> {
    let types = told.get("types").and_then(Value::as_array);
    let types = types.map(Vec::as_slice).unwrap_or_default();
    if !types.is_empty() {
        writeln!(page, "\n## Types")?;
    }
    for ty in types {
        writeln!(page, "\n### {}\n", text(ty, "/name")?)?;
        let description = text(ty, "/description")?;
        if !description.is_empty() {
            writeln!(page, "{description}\n")?;
        }
        writeln!(page, "```wit\n{}\n```", text(ty, "/definition")?)?;
        let parts = ty.get("parts").and_then(Value::as_object);
        let mut parts = parts.into_iter().flatten().peekable();
        if parts.peek().is_some() {
            writeln!(page)?;
        }
        for (part, description) in parts {
            let description = description.as_str().unwrap_or_default();
            writeln!(page, "- `{part}`: {}", description.replace('\n', " "))?;
        }
    }
    Ok(())
}

/// The authority that it asks for, in words; none if it needs none.
fn asked(told: &Value) -> anyhow::Result<Option<String>> {
    let asks = told
        .pointer("/manifest/asks")
        .context("it has no manifest")?;
    let mut words = Vec::new();
    match asks.get("files").and_then(Value::as_str) {
        Some("ro") => words.push("directories to read (`--dir HOST`)".to_owned()),
        Some("rw") => {
            words.push("directories to read and write (`--dir HOST[::GUEST]:rw`)".to_owned());
        }
        Some(other) => anyhow::bail!("it asks for files `{other}`, which is neither `ro` nor `rw`"),
        None => {}
    }
    for name in asks
        .get("env")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let name = name.as_str().context("a variable has no name")?;
        words.push(format!("the variable `{name}` (`--env {name}`)"));
    }
    let limits = asks.get("limits").and_then(Value::as_object);
    for (limit, value) in limits.into_iter().flatten() {
        let value = value.as_str().context("a limit has no text")?;
        words.push(format!("at most {value} of {limit}"));
    }
    Ok((!words.is_empty()).then(|| words.join(", ")))
}

fn text<'a>(value: &'a Value, pointer: &str) -> anyhow::Result<&'a str> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .with_context(|| format!("`engine inspect` gives no text at `{pointer}`"))
}

/// The first paragraph, in one line.
fn first(text: &str) -> String {
    let first = text.split("\n\n").next().unwrap_or_default();
    first.replace('\n', " ")
}

/// A text for a table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', r"\|")
}
