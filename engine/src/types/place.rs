//! Where a run was when it failed, and on which limit.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Bytes, Code, WallTime};

/// The limits that can stop a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Budget {
    /// Units of computation.
    Fuel,
    /// Bytes of linear memories and tables.
    Memory,
    /// Core instances, memories or tables, each.
    Instances,
    /// Milliseconds of real time.
    Time,
    /// Bytes of standard output, standard error and result.
    Output,
    /// Handles and host objects held at once.
    Handles,
    /// Files open at once.
    Files,
    /// Host calls made.
    HostCalls,
    /// Bytes moved to the host in one call.
    HostData,
}

impl Budget {
    /// The limit's name in outcomes and events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Budget::Fuel => "fuel",
            Budget::Memory => "memory",
            Budget::Instances => "instances",
            Budget::Time => "time",
            Budget::Output => "output",
            Budget::Handles => "handles",
            Budget::Files => "files",
            Budget::HostCalls => "host_calls",
            Budget::HostData => "host_data",
        }
    }

    /// The code of a call that this limit stopped.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Budget::Fuel => Code::LimitFuel,
            Budget::Memory | Budget::Instances => Code::LimitMemory,
            Budget::Time => Code::LimitTime,
            Budget::Output => Code::LimitOutput,
            Budget::Handles | Budget::Files => Code::LimitHandles,
            Budget::HostCalls | Budget::HostData => Code::LimitHostcall,
        }
    }
}

/// What stopped a compiler that runs in a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompileBound {
    /// Its processor time.
    Processor(WallTime),
    /// Its memory.
    Memory(Bytes),
    /// Its real time.
    Wall(WallTime),
    /// The size of the code that it made.
    Code(Bytes),
    /// The system ended it, most likely because memory ran short.
    Ended,
    /// That so many components wait for a compiler already.
    Waiting(u32),
}

/// Goes on a sentence that began with "compiling `x`".
impl fmt::Display for CompileBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompileBound::Processor(most) => write!(f, "takes more than {most} of processor time"),
            CompileBound::Memory(most) => write!(f, "takes more than {most} of memory"),
            CompileBound::Wall(longest) => write!(f, "takes longer than {longest}"),
            CompileBound::Code(most) => write!(f, "makes more than {most} of code"),
            CompileBound::Ended => {
                f.write_str("was ended by the system, which most likely ran short of memory")
            }
            CompileBound::Waiting(most) => {
                write!(
                    f,
                    "has to wait, and {most} others wait already, which is the most"
                )
            }
        }
    }
}

/// How far a run had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Phase {
    /// Reading, checking and compiling the component.
    Load,
    /// Choosing the function, reading the arguments, asking the guard.
    Decide,
    /// Instantiating; initialisers of the component run here.
    Start,
    /// Calling the function.
    Call,
}

/// One frame of a guest's stack, innermost first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Frame {
    /// The function's name, demangled; `<wasm function N>` if the component has none.
    pub function: String,
    /// The source file, if the component carries debug information.
    pub file: Option<String>,
    /// The line in that file, from 1.
    pub line: Option<u64>,
}
