//! The console of a script: its messages are kept here, where no script reaches them.

use std::cell::RefCell;
use std::rc::Rc;

use boa_engine::object::ObjectInitializer;
use boa_engine::property::Attribute;
use boa_engine::{Context, JsArgs as _, JsResult, JsValue, NativeFunction, js_string};

use crate::exports::engine::script::javascript::{Level, Message};
use crate::show::{Text, shown};

/// The most messages that are kept.
const MOST_MESSAGES: usize = 1_000;
/// The most bytes of all messages together.
const MOST_BYTES: usize = 128 << 10;
/// The most levels of `console.group`; what is deeper is not set in further.
const MOST_GROUPS: usize = 20;

/// What was written, and how many messages did not fit.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) messages: Vec<Message>,
    pub(crate) dropped: u32,
}

/// Keeps messages within the bounds.
#[derive(Debug, Default)]
struct Kept {
    written: Written,
    bytes: usize,
    groups: usize,
}

/// The console of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Console(Rc<RefCell<Kept>>);

impl Console {
    pub(crate) fn take(&self) -> Written {
        std::mem::take(&mut self.0.borrow_mut().written)
    }

    /// How many bytes of one more message would be kept.
    fn room(&self) -> usize {
        let kept = self.0.borrow();
        if kept.written.messages.len() >= MOST_MESSAGES {
            return 0;
        }
        MOST_BYTES.saturating_sub(kept.bytes)
    }

    fn write(&self, level: Level, said: Text) {
        let mut kept = self.0.borrow_mut();
        if kept.written.messages.len() >= MOST_MESSAGES || kept.bytes >= MOST_BYTES {
            kept.written.dropped = kept.written.dropped.saturating_add(1);
            return;
        }
        let space = "  ".repeat(kept.groups.min(MOST_GROUPS));
        let Text { text, cut } = Text {
            text: format!("{space}{}", said.text),
            cut: said.cut,
        }
        .within(MOST_BYTES.saturating_sub(kept.bytes));
        kept.bytes = kept.bytes.saturating_add(text.len());
        kept.written.messages.push(Message { level, text });
        if cut {
            kept.written.dropped = kept.written.dropped.saturating_add(1);
            // Nothing comes after a message without its end.
            kept.bytes = MOST_BYTES;
        }
    }

    fn group(&self, deeper: bool) {
        let mut kept = self.0.borrow_mut();
        kept.groups = match deeper {
            true => kept.groups.saturating_add(1),
            false => kept.groups.saturating_sub(1),
        };
    }
}

/// Puts the object `console` into the realm.
pub(crate) fn install(console: &Console, context: &mut Context) -> JsResult<()> {
    context.insert_data(console.clone());
    let levels = [
        ("debug", Level::Debug),
        ("trace", Level::Debug),
        ("log", Level::Log),
        ("dir", Level::Log),
        ("dirxml", Level::Log),
        ("table", Level::Log),
        ("info", Level::Info),
        ("warn", Level::Warn),
        ("error", Level::Error),
    ];
    let mut object = ObjectInitializer::new(context);
    for (name, level) in levels {
        let write =
            move |_: &JsValue, args: &[JsValue], context: &mut Context| say(level, args, context);
        object.function(
            NativeFunction::from_copy_closure(write),
            js_string!(name),
            0,
        );
    }
    for name in ["group", "groupCollapsed"] {
        object.function(NativeFunction::from_fn_ptr(group), js_string!(name), 0);
    }
    object.function(
        NativeFunction::from_fn_ptr(group_end),
        js_string!("groupEnd"),
        0,
    );
    object.function(NativeFunction::from_fn_ptr(assert), js_string!("assert"), 0);
    let object = object.build();
    let attributes = Attribute::WRITABLE | Attribute::CONFIGURABLE;
    context.register_global_property(js_string!("console"), object, attributes)
}

fn say(level: Level, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some(console) = context.get_data::<Console>().cloned() else {
        return Ok(JsValue::undefined());
    };
    let said = shown(args, console.room(), context)?;
    console.write(level, said);
    Ok(JsValue::undefined())
}

fn group(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if !args.is_empty() {
        say(Level::Log, args, context)?;
    }
    if let Some(console) = context.get_data::<Console>() {
        console.group(true);
    }
    Ok(JsValue::undefined())
}

fn group_end(_: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if let Some(console) = context.get_data::<Console>() {
        console.group(false);
    }
    Ok(JsValue::undefined())
}

fn assert(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if args.get_or_undefined(0).to_boolean() {
        return Ok(JsValue::undefined());
    }
    let mut said = vec![js_string!("assertion failed").into()];
    said.extend(args.iter().skip(1).cloned());
    say(Level::Error, &said, context)
}
