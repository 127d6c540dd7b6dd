//! `require`: CommonJS as Node.js has it, for the modules that were given.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use boa_engine::object::builtins::JsFunction;
use boa_engine::object::{FunctionObjectBuilder, ObjectInitializer};
use boa_engine::property::Attribute;
use boa_engine::{
    Context, JsArgs as _, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue,
    NativeFunction, Script, Source, js_string,
};

use crate::json;
use crate::modules::{Library, directory};
use crate::nesting;

/// What stands before a module's source, on its first line.
const BEFORE: &str = "(function (exports, require, module, __filename, __dirname) {";
/// What stands after it, on a line of its own: the last line may be a comment.
const AFTER: &str = "\n})";

/// The modules of one run, and those that were loaded.
#[derive(Clone)]
pub(crate) struct Modules {
    library: Rc<Library>,
    loaded: Rc<RefCell<BTreeMap<String, JsObject>>>,
}

/// Puts `require`, `module` and `exports` into the realm, for the script itself.
pub(crate) fn install(library: Library, context: &mut Context) -> JsResult<()> {
    context.insert_data(Modules {
        library: Rc::new(library),
        loaded: Rc::default(),
    });
    let (module, exports) = module("", context);
    let attributes = Attribute::WRITABLE | Attribute::CONFIGURABLE;
    let require = require_from("", context);
    context.register_global_property(js_string!("require"), require, attributes)?;
    context.register_global_property(js_string!("module"), module, attributes)?;
    context.register_global_property(js_string!("exports"), exports, attributes)
}

/// The `require` of the modules in a directory.
fn require_from(directory: &str, context: &Context) -> JsFunction {
    let function = NativeFunction::from_copy_closure_with_captures(require, js_string!(directory));
    FunctionObjectBuilder::new(context.realm(), function)
        .name(js_string!("require"))
        .length(1)
        .build()
}

fn require(
    _: &JsValue,
    args: &[JsValue],
    from: &JsString,
    context: &mut Context,
) -> JsResult<JsValue> {
    let request = args.get_or_undefined(0).as_string().ok_or_else(|| {
        JsNativeError::typ().with_message("the argument of `require` is no string")
    })?;
    let Some(modules) = context.get_data::<Modules>().cloned() else {
        return Ok(JsValue::undefined());
    };
    let (request, from) = (request.to_std_string_lossy(), from.to_std_string_lossy());
    let Some(path) = modules.library.find(&request, &from) else {
        return Err(missing(&request, context)?);
    };
    let loaded = modules.loaded.borrow().get(&path).cloned();
    if let Some(module) = loaded {
        return module.get(js_string!("exports"), context);
    }
    let source = modules.library.source(&path).unwrap_or_default();
    let (module, exports) = module(&path, context);
    // Before it runs, so that modules that require one another end.
    modules
        .loaded
        .borrow_mut()
        .insert(path.clone(), module.clone());
    let done = if path.ends_with(".json") {
        parse(&path, source, &module, context)
    } else {
        run(&path, source, (&module, &exports), context)
    };
    if let Err(error) = done {
        modules.loaded.borrow_mut().remove(&path);
        return Err(error);
    }
    module.get(js_string!("exports"), context)
}

/// A module that is not loaded yet, and its exports.
fn module(path: &str, context: &mut Context) -> (JsObject, JsObject) {
    let exports = JsObject::with_object_proto(context.intrinsics());
    let all = Attribute::all();
    let module = ObjectInitializer::new(context)
        .property(js_string!("exports"), exports.clone(), all)
        .property(js_string!("id"), js_string!(path), all)
        .property(js_string!("filename"), js_string!(path), all)
        .build();
    (module, exports)
}

fn parse(path: &str, source: &str, module: &JsObject, context: &mut Context) -> JsResult<()> {
    // Some editors begin a file with this mark.
    let source = source.trim_start_matches('\u{feff}');
    let value = json::parsed(source, context).map_err(|error| {
        JsNativeError::syntax().with_message(format!("the module `{path}` is not JSON: {error}"))
    })?;
    module.set(js_string!("exports"), value, true, context)?;
    Ok(())
}

fn run(
    path: &str,
    source: &str,
    (module, exports): (&JsObject, &JsObject),
    context: &mut Context,
) -> JsResult<()> {
    let syntax = |what: String| -> JsError {
        JsNativeError::syntax()
            .with_message(format!("the module `{path}`: {what}"))
            .into()
    };
    nesting::check(source).map_err(&syntax)?;
    let text = format!("{BEFORE}{}{AFTER}", without_shebang(source));
    let script = Script::parse(
        Source::from_bytes(&text).with_path(Path::new(path)),
        None,
        context,
    );
    let script = match script {
        Ok(script) => script,
        Err(error) if error.as_engine().is_some() => return Err(error),
        Err(error) => {
            let (message, line, column) = crate::session::why_not(&text, BEFORE, &error);
            let place = match line {
                0 => String::new(),
                line => format!(", in line {line}, column {column}"),
            };
            return Err(syntax(format!("{message}{place}")));
        }
    };
    let function = script.evaluate(context)?;
    let function = function
        .as_callable()
        .ok_or_else(|| syntax("its braces do not match".to_owned()))?;
    let from = directory(path);
    let require = require_from(from, context);
    let args = [
        exports.clone().into(),
        require.into(),
        module.clone().into(),
        js_string!(path).into(),
        js_string!(from).into(),
    ];
    function.call(&exports.clone().into(), &args, context)?;
    Ok(())
}

/// The source without a first line such as `#!/usr/bin/env node`, of which the line's end stays.
pub(crate) fn without_shebang(source: &str) -> &str {
    let source = source.trim_start_matches('\u{feff}');
    if !source.starts_with("#!") {
        return source;
    }
    let end = source.find(['\n', '\r', '\u{2028}', '\u{2029}']);
    end.and_then(|end| source.get(end..)).unwrap_or_default()
}

/// What Node.js throws: an `Error` with the code `MODULE_NOT_FOUND`.
fn missing(request: &str, context: &mut Context) -> JsResult<JsError> {
    let hint = if nodes_own(request) {
        ": the modules of Node.js are not there"
    } else {
        ": `modules` has none of that name"
    };
    let mut shown = request.to_owned();
    crate::show::cut(&mut shown, 200);
    let error = JsNativeError::error()
        .with_message(format!("cannot find the module `{shown}`{hint}"))
        .into_opaque(context);
    let code = js_string!("MODULE_NOT_FOUND");
    error.create_data_property_or_throw(js_string!("code"), code, context)?;
    Ok(JsError::from_opaque(error.into()))
}

fn nodes_own(request: &str) -> bool {
    const NAMES: [&str; 20] = [
        "assert",
        "buffer",
        "child_process",
        "crypto",
        "dns",
        "events",
        "fs",
        "http",
        "https",
        "net",
        "os",
        "path",
        "process",
        "stream",
        "timers",
        "url",
        "util",
        "vm",
        "worker_threads",
        "zlib",
    ];
    let name = request.split('/').next().unwrap_or_default();
    request.starts_with("node:") || NAMES.contains(&name)
}
