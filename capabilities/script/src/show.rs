//! Values as texts for people.

use boa_engine::builtins::error::Error;
use boa_engine::{Context, JsObject, JsResult, JsString, JsValue, js_string};

use crate::json::{self, Unwritable};

/// What the arguments of a call of the console say, at most about `most` bytes of it.
///
/// The first one may have places such as `%s` for the others.
///
/// # Errors
///
/// What a `toJSON` or a getter of an argument throws.
pub(crate) fn shown(args: &[JsValue], most: usize, context: &mut Context) -> JsResult<String> {
    let mut text = String::new();
    let mut args = args.iter();
    if let Some(first) = args.next() {
        match first.as_string() {
            Some(format) if !args.as_slice().is_empty() => {
                filled(
                    &format.to_std_string_lossy(),
                    &mut args,
                    most,
                    &mut text,
                    context,
                )?;
            }
            Some(_) | None => text.push_str(&one(first, most, context)?),
        }
    }
    for argument in args {
        if text.len() > most {
            break;
        }
        text.push(' ');
        text.push_str(&one(argument, most.saturating_sub(text.len()), context)?);
    }
    Ok(text)
}

/// Puts arguments into the places of a format: `%s`, `%d`, `%i`, `%f`, `%j`, `%o`, `%O`, and `%c` for nothing.
fn filled<'a>(
    format: &str,
    args: &mut impl Iterator<Item = &'a JsValue>,
    most: usize,
    text: &mut String,
    context: &mut Context,
) -> JsResult<()> {
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        let mut letters = after.chars();
        match letters.next() {
            Some('%') => text.push('%'),
            Some(letter @ ('s' | 'd' | 'i' | 'f' | 'j' | 'o' | 'O' | 'c')) => match args.next() {
                Some(_) if letter == 'c' => {}
                Some(argument) => {
                    let room = most.saturating_sub(text.len());
                    text.push_str(&one(argument, room, context)?);
                }
                None => {
                    text.push('%');
                    text.push(letter);
                }
            },
            Some(_) | None => {
                text.push('%');
                rest = after;
                continue;
            }
        }
        rest = letters.as_str();
    }
    text.push_str(rest);
    Ok(())
}

/// One value, at most about `most` bytes of it.
pub(crate) fn one(value: &JsValue, most: usize, context: &mut Context) -> JsResult<String> {
    if let Some(text) = value.as_string() {
        let mut text = text.to_std_string_lossy();
        cut(&mut text, most);
        return Ok(text);
    }
    let Some(object) = value.as_object() else {
        let mut text = value.display().to_string();
        cut(&mut text, most);
        return Ok(text);
    };
    if object.is::<Error>() {
        let (mut text, stack) = error(&object, context)?;
        if let Some(stack) = stack {
            text.push('\n');
            text.push_str(&stack);
        }
        cut(&mut text, most);
        return Ok(text);
    }
    if object.is_callable() {
        let name = object.get(js_string!("name"), context)?;
        let name = name.as_string().unwrap_or_default().to_std_string_lossy();
        let mut text = format!("[function {name}]");
        cut(&mut text, most);
        return Ok(text);
    }
    match json::text(value, most, context) {
        Ok(text) => Ok(text.unwrap_or_else(|| "[object]".to_owned())),
        Err(Unwritable::Thrown(error)) => Err(error),
        Err(Unwritable::TooLarge { begun, .. }) => Ok(begun),
        Err(Unwritable::Not(why)) => Ok(format!("[object: {why}]")),
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
