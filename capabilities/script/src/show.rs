//! Values as texts for people.

use boa_engine::builtins::error::Error;
use boa_engine::{Context, JsObject, JsResult, JsString, JsValue, js_string};

use crate::json::{self, Unwritable};

/// A text, and whether something is missing at its end.
#[derive(Debug, Default)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) cut: bool,
}

impl Text {
    fn whole(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            cut: false,
        }
    }

    /// Cuts it to at most so many bytes.
    pub(crate) fn within(mut self, most: usize) -> Self {
        self.cut |= cut(&mut self.text, most);
        self
    }

    fn add(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.cut |= other.cut;
    }

    fn room(&self, most: usize) -> usize {
        most.saturating_sub(self.text.len())
    }
}

/// What the arguments of a call of the console say, at most so many bytes of it.
///
/// The first one may have places such as `%s` for the others.
///
/// # Errors
///
/// What a `toJSON` or a getter of an argument throws.
pub(crate) fn shown(args: &[JsValue], most: usize, context: &mut Context) -> JsResult<Text> {
    let mut said = Text::default();
    let mut args = args.iter();
    if let Some(first) = args.next() {
        match first.as_string() {
            Some(format) if !args.as_slice().is_empty() => {
                said = filled(&format.to_std_string_lossy(), &mut args, most, context)?;
            }
            Some(_) | None => said = one(first, most, context)?,
        }
    }
    for argument in args {
        said.add(Text::whole(" "));
        let room = said.room(most);
        said.add(one(argument, room, context)?);
    }
    Ok(said.within(most))
}

/// Puts arguments into the places of a format: `%s`, `%d`, `%i`, `%f`, `%j`, `%o`, `%O`, and `%c` for nothing.
fn filled<'a>(
    format: &str,
    args: &mut impl Iterator<Item = &'a JsValue>,
    most: usize,
    context: &mut Context,
) -> JsResult<Text> {
    let mut said = Text::default();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        said.add(Text::whole(before));
        let mut letters = after.chars();
        match letters.next() {
            Some('%') => said.add(Text::whole("%")),
            Some(letter @ ('s' | 'd' | 'i' | 'f' | 'j' | 'o' | 'O' | 'c')) => match args.next() {
                Some(_) if letter == 'c' => {}
                Some(argument) => {
                    let room = said.room(most);
                    said.add(one(argument, room, context)?);
                }
                None => said.add(Text::whole(format!("%{letter}"))),
            },
            Some(_) | None => {
                said.add(Text::whole("%"));
                rest = after;
                continue;
            }
        }
        rest = letters.as_str();
    }
    said.add(Text::whole(rest));
    Ok(said)
}

/// One value, at most so many bytes of it.
pub(crate) fn one(value: &JsValue, most: usize, context: &mut Context) -> JsResult<Text> {
    let Some(object) = value.as_object() else {
        let text = match value.as_string() {
            Some(text) => text.to_std_string_lossy(),
            None => value.display().to_string(),
        };
        return Ok(Text::whole(text).within(most));
    };
    if object.is::<Error>() {
        let (mut text, stack) = error(&object, context)?;
        if let Some(stack) = stack {
            text.push('\n');
            text.push_str(&stack);
        }
        return Ok(Text::whole(text).within(most));
    }
    if object.is_callable() {
        let name = object.get(js_string!("name"), context)?;
        let name = name.as_string().unwrap_or_default().to_std_string_lossy();
        return Ok(Text::whole(format!("[function {name}]")).within(most));
    }
    match json::text(value, most, context) {
        Ok(text) => {
            let text = text.unwrap_or_else(|| "[object]".to_owned());
            Ok(Text::whole(text).within(most))
        }
        Err(Unwritable::Thrown(error)) => Err(error),
        Err(Unwritable::TooLarge { begun, .. }) => Ok(Text {
            text: begun,
            cut: true,
        }),
        Err(Unwritable::Not(why)) => Ok(Text::whole(format!("[object: {why}]")).within(most)),
    }
}

/// An `Error` as `TypeError: what`, and its stack if it has one.
pub(crate) fn error(
    object: &JsObject,
    context: &mut Context,
) -> JsResult<(String, Option<String>)> {
    let mut text = |name: JsString| -> JsResult<Option<String>> {
        let value = object.get(name, context)?;
        Ok(value.as_string().map(|text| text.to_std_string_lossy()))
    };
    let name = text(js_string!("name"))?.filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| "Error".to_owned());
    let message = text(js_string!("message"))?.filter(|message| !message.is_empty());
    let stack = text(js_string!("stack"))?;
    let stack = stack.map(|stack| stack.trim_end().to_owned());
    let message = message.map_or_else(|| name.clone(), |message| format!("{name}: {message}"));
    Ok((message, stack.filter(|stack| !stack.is_empty())))
}

/// Cuts a text to at most so many bytes, and says whether that took something away.
pub(crate) fn cut(text: &mut String, most: usize) -> bool {
    if text.len() <= most {
        return false;
    }
    text.truncate(text.floor_char_boundary(most));
    true
}
