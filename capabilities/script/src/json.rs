//! Values as JSON, as `JSON.stringify` has it, without anything that a script could have overwritten.

use boa_engine::object::FunctionObjectBuilder;
use boa_engine::object::builtins::{JsArray, JsFunction};
use boa_engine::property::PropertyDescriptor;
use boa_engine::value::JsVariant;
use boa_engine::{
    Context, JsArgs as _, JsBigInt, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue,
    NativeFunction, js_string,
};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::nesting;

/// The most levels of objects and arrays.
const MOST_LEVELS: usize = 100;

/// Why a value has no JSON text.
#[derive(Debug)]
pub(crate) enum Unwritable {
    /// A `toJSON`, a getter or a proxy threw.
    Thrown(JsError),
    /// The text would be longer than `most` bytes; this is its beginning.
    TooLarge { begun: String, most: usize },
    /// It has none.
    Not(String),
}

impl From<JsError> for Unwritable {
    fn from(error: JsError) -> Self {
        Self::Thrown(error)
    }
}

/// `Object.keys`, as it was before a script could replace it.
#[derive(Clone, Debug)]
pub(crate) struct Keys(JsFunction);

impl Keys {
    /// Takes it from a realm in which no script ran yet.
    pub(crate) fn of(context: &mut Context) -> JsResult<Self> {
        let object = context.intrinsics().constructors().object().constructor();
        let keys = object.get(js_string!("keys"), context)?;
        let keys = keys.as_function();
        keys.map(Self).ok_or_else(|| {
            JsNativeError::typ()
                .with_message("there is no `Object.keys`")
                .into()
        })
    }
}

/// The JSON text of a value, none for what `JSON.stringify` leaves out: `undefined`, functions and symbols.
pub(crate) fn text(
    value: &JsValue,
    most: usize,
    context: &mut Context,
) -> Result<Option<String>, Unwritable> {
    let keys = context.get_data::<Keys>().cloned();
    let keys = keys.ok_or_else(|| Unwritable::Not("the realm is not complete".to_owned()))?;
    let mut writer = Writer {
        keys,
        text: String::new(),
        most,
        above: Vec::new(),
    };
    if !writer.value(value, &js_string!(), context)? {
        return Ok(None);
    }
    // What is not JSON must not get out, whatever a script made of its values.
    match serde_json::from_str::<IgnoredAny>(&writer.text) {
        Ok(IgnoredAny) => Ok(Some(writer.text)),
        Err(error) => Err(Unwritable::Not(format!("its text is not JSON: {error}"))),
    }
}

/// The value of a JSON text.
///
/// # Errors
///
/// Where the text is not JSON.
pub(crate) fn parsed(text: &str, context: &mut Context) -> Result<JsValue, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(of(&value, context))
}

/// The value that JSON stands for. It has few levels: its parser counts them.
pub(crate) fn of(value: &Value, context: &mut Context) -> JsValue {
    match value {
        Value::Null => JsValue::null(),
        Value::Bool(truth) => JsValue::from(*truth),
        Value::Number(number) => of_number(&number.to_string()),
        Value::String(text) => js_string!(text.as_str()).into(),
        Value::Array(items) => {
            let items: Vec<JsValue> = items.iter().map(|item| of(item, context)).collect();
            JsArray::from_iter(items, context).into()
        }
        Value::Object(fields) => {
            let object = JsObject::with_object_proto(context.intrinsics());
            for (name, value) in fields {
                let property = PropertyDescriptor::builder()
                    .value(of(value, context))
                    .writable(true)
                    .enumerable(true)
                    .configurable(true);
                object.insert_property(js_string!(name.as_str()), property);
            }
            object.into()
        }
    }
}

/// A number from its text, which is the same whatever features the parser has.
fn of_number(text: &str) -> JsValue {
    let number = text.parse::<f64>().unwrap_or(f64::NAN);
    // Saturates, and knows no -0: then the bits differ.
    let whole = number as i32;
    if f64::from(whole).to_bits() == number.to_bits() {
        return JsValue::from(whole);
    }
    JsValue::from(number)
}

/// Puts a `JSON.parse` into the realm that does not compile the text as a script, as the engine's own one does: that one
/// costs a multiple, and its parser calls itself for each level.
pub(crate) fn install(context: &mut Context) -> JsResult<()> {
    let json = context.global_object().get(js_string!("JSON"), context)?;
    let json = json
        .as_object()
        .ok_or_else(|| JsNativeError::typ().with_message("there is no `JSON`"))?;
    let own = json.get(js_string!("parse"), context)?;
    let function = NativeFunction::from_copy_closure_with_captures(parse, own);
    let function = FunctionObjectBuilder::new(context.realm(), function)
        .name(js_string!("parse"))
        .length(2)
        .build();
    let property = PropertyDescriptor::builder()
        .value(function)
        .writable(true)
        .enumerable(false)
        .configurable(true);
    json.define_property_or_throw(js_string!("parse"), property, context)?;
    Ok(())
}

fn parse(_: &JsValue, args: &[JsValue], own: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    let syntax = |why: String| -> JsError { JsNativeError::syntax().with_message(why).into() };
    let text = args.get_or_undefined(0).to_string(context)?;
    let text = text
        .to_std_string()
        .map_err(|error| syntax(error.to_string()))?;
    let reviver = args.get_or_undefined(1);
    match own.as_callable() {
        // The one that knows about revivers compiles the text.
        Some(own) if reviver.is_callable() => {
            nesting::check(&text).map_err(syntax)?;
            let text = js_string!(text).into();
            own.call(&JsValue::undefined(), &[text, reviver.clone()], context)
        }
        Some(_) | None => parsed(&text, context).map_err(syntax),
    }
}

struct Writer {
    keys: Keys,
    text: String,
    most: usize,
    /// The objects that this one is in.
    above: Vec<JsObject>,
}

impl Writer {
    /// Writes one value, and says whether there was something to write.
    fn value(
        &mut self,
        value: &JsValue,
        key: &JsString,
        context: &mut Context,
    ) -> Result<bool, Unwritable> {
        let value = unboxed(replaced(value, key, context)?);
        match value.variant() {
            JsVariant::Undefined | JsVariant::Symbol(_) => return Ok(false),
            JsVariant::Null => self.push("null")?,
            JsVariant::Boolean(true) => self.push("true")?,
            JsVariant::Boolean(false) => self.push("false")?,
            JsVariant::Integer32(number) => self.push(&number.to_string())?,
            JsVariant::Float64(number) if !number.is_finite() => self.push("null")?,
            JsVariant::Float64(number) => {
                // As JavaScript writes it, which is JSON.
                let number = JsValue::from(number).to_string(context)?;
                self.push(&number.to_std_string_lossy())?;
            }
            JsVariant::String(string) => self.string(&string)?,
            JsVariant::BigInt(_) => {
                return Err(Unwritable::Not(
                    "a `BigInt` has no JSON: make it a string or a number".to_owned(),
                ));
            }
            JsVariant::Object(object) if object.is_callable() => return Ok(false),
            JsVariant::Object(object) => {
                self.enter(&object)?;
                if object.is_array() {
                    self.array(&object, context)?;
                } else {
                    self.object(&object, context)?;
                }
                self.above.pop();
            }
        }
        Ok(true)
    }

    fn enter(&mut self, object: &JsObject) -> Result<(), Unwritable> {
        if self
            .above
            .iter()
            .any(|above| JsObject::equals(above, object))
        {
            return Err(Unwritable::Not("it contains itself".to_owned()));
        }
        if self.above.len() >= MOST_LEVELS {
            return Err(Unwritable::Not(format!(
                "it has more than {MOST_LEVELS} levels of objects and arrays"
            )));
        }
        self.above.push(object.clone());
        Ok(())
    }

    fn array(&mut self, array: &JsObject, context: &mut Context) -> Result<(), Unwritable> {
        self.push("[")?;
        let length = array
            .get(js_string!("length"), context)?
            .to_length(context)?;
        for index in 0..length {
            if index > 0 {
                self.push(",")?;
            }
            let item = array.get(index, context)?;
            let key = js_string!(index.to_string());
            if !self.value(&item, &key, context)? {
                self.push("null")?;
            }
        }
        self.push("]")
    }

    fn object(&mut self, object: &JsObject, context: &mut Context) -> Result<(), Unwritable> {
        self.push("{")?;
        let Keys(keys) = &self.keys;
        let keys = keys.call(&JsValue::undefined(), &[object.clone().into()], context)?;
        // A fresh array of strings: nobody else has it.
        let keys = keys.as_object().map(JsArray::from_object).transpose()?;
        let keys = keys.ok_or_else(|| Unwritable::Not("it has no keys".to_owned()))?;
        let mut first = true;
        for index in 0..keys.length(context)? {
            let key = keys.get(index, context)?.to_string(context)?;
            let value = object.get(key.clone(), context)?;
            let begin = self.text.len();
            if !first {
                self.push(",")?;
            }
            self.string(&key)?;
            self.push(":")?;
            if self.value(&value, &key, context)? {
                first = false;
            } else {
                self.text.truncate(begin);
            }
        }
        self.push("}")
    }

    fn string(&mut self, string: &JsString) -> Result<(), Unwritable> {
        // Looked at before it is copied.
        if string.len() > self.most {
            return Err(self.too_large());
        }
        let quoted = Value::String(string.to_std_string_lossy()).to_string();
        self.push(&quoted)
    }

    fn push(&mut self, text: &str) -> Result<(), Unwritable> {
        if self.text.len().saturating_add(text.len()) > self.most {
            return Err(self.too_large());
        }
        self.text.push_str(text);
        Ok(())
    }

    fn too_large(&mut self) -> Unwritable {
        Unwritable::TooLarge {
            begun: std::mem::take(&mut self.text),
            most: self.most,
        }
    }
}

/// What an object's own `toJSON` makes of it.
fn replaced(value: &JsValue, key: &JsString, context: &mut Context) -> JsResult<JsValue> {
    let object = match value.variant() {
        JsVariant::Object(object) => object,
        JsVariant::BigInt(_) => value.to_object(context)?,
        JsVariant::Undefined
        | JsVariant::Null
        | JsVariant::Boolean(_)
        | JsVariant::Integer32(_)
        | JsVariant::Float64(_)
        | JsVariant::String(_)
        | JsVariant::Symbol(_) => return Ok(value.clone()),
    };
    let function = object.get(js_string!("toJSON"), context)?;
    match function.as_callable() {
        Some(function) => function.call(value, &[key.clone().into()], context),
        None => Ok(value.clone()),
    }
}

/// `new Number(1)` is written as `1` is.
fn unboxed(value: JsValue) -> JsValue {
    let Some(object) = value.as_object() else {
        return value;
    };
    if let Some(number) = object.downcast_ref::<f64>() {
        return JsValue::from(*number);
    }
    if let Some(string) = object.downcast_ref::<JsString>() {
        return JsValue::from(string.clone());
    }
    if let Some(truth) = object.downcast_ref::<bool>() {
        return JsValue::from(*truth);
    }
    if let Some(number) = object.downcast_ref::<JsBigInt>() {
        return JsValue::from(number.clone());
    }
    value
}
