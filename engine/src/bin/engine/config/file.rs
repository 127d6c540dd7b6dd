use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use engine::data::{Bundle, Mode, Rule};
use engine::{Fault, Limits};
use serde::Deserialize;
use toml::Spanned;

use super::{Entry, Settled, learned};
use crate::settings;

/// The most bytes of a configuration or of a file of policies.
pub(super) const MOST: u64 = 1 << 20;

/// `engine.toml`, as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Spec {
    guard: GuardSpec,
    rules: Vec<Spanned<Rule>>,
    limits: Option<LimitsSpec>,
    grants: Option<GrantsSpec>,
    signing: SigningSpec,
    capabilities: BTreeMap<String, CapabilitySpec>,
}

/// The table `[guard]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct GuardSpec {
    /// `strict`, `permissive`, `paranoid` or `none`. Default: `strict`.
    bundle: Option<Bundle>,
    /// `enforce`, `observe` or `off`. Default: `enforce`.
    mode: Option<Mode>,
    /// Files of Cedar policies, relative to this file.
    policies: Vec<PathBuf>,
    /// Whether a misspelt capability's name is repaired. Default: no.
    repair_names: bool,
}

/// A table of limits: `[limits]`, or that of a capability.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct LimitsSpec {
    fuel: Option<Quantity>,
    memory: Option<Quantity>,
    timeout: Option<Quantity>,
    max_output: Option<Quantity>,
}

/// A quantity in its text form, or a number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Quantity {
    Number(u64),
    Text(String),
}

/// The table `[grants]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct GrantsSpec {
    /// As `--dir` has it, relative to this file.
    dirs: Vec<String>,
    /// As `--env` has it.
    env: Vec<String>,
    /// As `--allow-action` has it.
    actions: Vec<String>,
}

/// The table `[signing]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct SigningSpec {
    /// The minisign key that has to have signed every component.
    minisign_key: Option<String>,
}

/// A table `[capabilities."domain.verb.vN"]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CapabilitySpec {
    /// The component's file, relative to this file.
    component: String,
    /// Its function.
    function: String,
    /// What calls may be given, in the place of `[grants]`.
    dirs: Option<Vec<String>>,
    env: Option<Vec<String>>,
    actions: Option<Vec<String>>,
    /// What results are to be treated as, such as `secret`.
    #[serde(default)]
    labels: Vec<String>,
    /// The most that calls may use, within `[limits]`.
    #[serde(default)]
    limits: Option<LimitsSpec>,
}

/// Reads and settles a configuration.
pub(super) fn load(file: &Path) -> Result<Settled, Fault> {
    let text = read_text(file, "the configuration")?;
    let shown = engine::data::line(&file.to_string_lossy(), 256);
    let spec: Spec = toml::from_str(&text).map_err(|error| {
        let place = error.span().map_or_else(String::new, |span| {
            let (line, column) = position(&text, span.start);
            format!(":{line}:{column}")
        });
        Fault::config(format!(
            "{shown}{place}: {}",
            engine::data::line(error.message(), 400)
        ))
    })?;
    let base = file.parent().unwrap_or(Path::new("."));
    // No `..`: a key that is read has to be used.
    let Spec {
        guard:
            GuardSpec {
                bundle,
                mode,
                policies,
                repair_names,
            },
        rules,
        limits,
        grants,
        signing: SigningSpec { minisign_key },
        capabilities,
    } = spec;
    let placed = |fault: Fault| fault.hint(format!("see {shown}"));
    let limits = limits
        .map(|limits| limits.settle(None))
        .transpose()
        .map_err(placed)?;
    let rules = rules.into_iter().map(|rule| {
        let (line, _) = position(&text, rule.span().start);
        Rule {
            place: Some((shown.clone(), line)),
            ..rule.into_inner()
        }
    });
    Ok(Settled {
        bundle,
        mode,
        policies: policies
            .into_iter()
            .map(|policy| base.join(policy))
            .collect(),
        rules: rules.collect(),
        lessons: learned::load(file)?,
        repair_names,
        limits,
        grants: grants
            .map(|GrantsSpec { dirs, env, actions }| settings::grants(&dirs, &env, &actions, base))
            .transpose()
            .map_err(placed)?,
        minisign_key,
        capabilities: capabilities
            .into_iter()
            .map(|(name, spec)| Ok((name, spec.settle(base, limits.as_ref())?)))
            .collect::<Result<_, Fault>>()
            .map_err(placed)?,
        file: Some(file.to_owned()),
    })
}

impl CapabilitySpec {
    fn settle(self, base: &Path, most: Option<&Limits>) -> Result<Entry, Fault> {
        let CapabilitySpec {
            component,
            function,
            dirs,
            env,
            actions,
            labels,
            limits,
        } = self;
        if let Some(label) = labels.iter().find(|label| !engine::data::is_label(label)) {
            return Err(Fault::config(format!(
                "`{}` is no label of data",
                engine::data::line(label, 64)
            ))
            .hint("a label is lower-case words with `-` between them, such as `untrusted`"));
        }
        let grants = match (dirs, env, actions) {
            (None, None, None) => None,
            (dirs, env, actions) => Some(settings::grants(
                &dirs.unwrap_or_default(),
                &env.unwrap_or_default(),
                &actions.unwrap_or_default(),
                base,
            )?),
        };
        Ok(Entry {
            component: base.join(&component),
            written: component,
            function,
            grants,
            labels,
            limits: limits.map(|limits| limits.settle(most)).transpose()?,
        })
    }
}

impl LimitsSpec {
    /// What is left out is as in `base`, or has its default.
    fn settle(self, base: Option<&Limits>) -> Result<Limits, Fault> {
        let LimitsSpec {
            fuel,
            memory,
            timeout,
            max_output,
        } = self;
        let text = |quantity: Option<Quantity>| {
            quantity.map(|quantity| match quantity {
                Quantity::Number(number) => number.to_string(),
                Quantity::Text(text) => text,
            })
        };
        settings::limits(
            ["`fuel`", "`memory`", "`timeout`", "`max-output`"],
            [text(fuel), text(memory), text(timeout), text(max_output)],
            None,
            base,
        )
        // Nobody typed it: it is the configuration that makes no sense.
        .map_err(|fault| Fault::config(fault.to_string()))
    }
}

/// Reads a text file of at most 1 MiB.
pub(crate) fn read_text(file: &Path, what: &str) -> Result<String, Fault> {
    read_bounded(file, what, MOST)
}

/// Reads a text file of bounded size.
pub(crate) fn read_bounded(file: &Path, what: &str, most: u64) -> Result<String, Fault> {
    read_within(file, what, most)?.ok_or_else(|| {
        Fault::config(format!(
            "the file `{}` is over {}, the limit of {what}",
            shown(file),
            engine::Bytes::new(most)
        ))
    })
}

/// Reads a text file, unless it is larger than that.
#[expect(
    clippy::disallowed_methods,
    reason = "a file that the user named, or that is beside one"
)]
pub(crate) fn read_within(file: &Path, what: &str, most: u64) -> Result<Option<String>, Fault> {
    std::fs::File::open(file)
        .and_then(|opened| text_within(opened, most))
        .map_err(|error| {
            let fault = Fault::config(format!("cannot read {what} `{}`", shown(file)));
            if error.kind() == ErrorKind::InvalidData {
                fault.hint("it has to be text in UTF-8")
            } else {
                fault
            }
            .caused_by(error)
        })
}

/// Reads UTF-8 to its end, unless there is more than that.
pub(crate) fn text_within(from: impl Read, most: u64) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let length = from.take(most + 1).read_to_end(&mut bytes)?;
    if length as u64 > most {
        return Ok(None);
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| std::io::Error::new(ErrorKind::InvalidData, error))?;
    Ok(Some(text))
}

fn shown(file: &Path) -> String {
    engine::data::line(&file.to_string_lossy(), 256)
}

/// The line and the column of a byte, both from 1.
fn position(text: &str, byte: usize) -> (u64, u64) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() as u64 + 1;
    let column = before.rsplit('\n').next().unwrap_or(before).chars().count() as u64 + 1;
    (line, column)
}
