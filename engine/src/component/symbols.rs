//! Names and source lines of a guest's stack.
//!
//! Debug information comes from the guest, and reading it can be made as costly as its author likes.
//! So it is read here, as a stream, with a bound on the steps and on the
//! time; nothing of it is kept in memory.

use std::cell::Cell;
use std::time::Duration;

use gimli::{AttributeValue, EndianSlice, LittleEndian, Reader as _, Unit};
use wasmtime::FrameInfo;

use super::compile::Compiled;
use super::structure::DebugInfo;
use crate::types::{Clock, Frame, text};

/// Steps of reading debug information, for all frames of one report; some hundredths of a second.
const MOST_STEPS: u64 = 5_000_000;
/// The processor time after which no further unit is read.
const LONGEST: Duration = Duration::from_millis(50);
/// How much of a name is shown.
const NAME: usize = 256;
/// How much of a whole report is shown.
const MOST_TEXT: usize = 4 << 10;

type Slice<'a> = EndianSlice<'a, LittleEndian>;
type Dwarf<'a> = gimli::Dwarf<Slice<'a>>;

/// Describes frames, innermost first.
pub(super) fn frames(compiled: &Compiled, frames: &[FrameInfo], clock: &dyn Clock) -> Vec<Frame> {
    let places = places(compiled, frames, &Budget::new(clock));
    let mut shown = Vec::with_capacity(frames.len());
    let mut length = 0;
    for (i, (frame, place)) in frames.iter().zip(places).enumerate() {
        let (file, line) = place.unzip();
        let function = match frame.func_name() {
            Some(name) => demangled(name),
            None => format!("<wasm function {}>", frame.func_index()),
        };
        length += function.len() + file.as_ref().map_or(0, String::len);
        if length > MOST_TEXT {
            shown.push(Frame {
                function: format!("<{} more>", frames.len() - i),
                file: None,
                line: None,
            });
            break;
        }
        shown.push(Frame {
            function,
            file,
            line,
        });
    }
    shown
}

/// A readable form of a mangled name. Long names are cut first: to demangle takes time, too.
fn demangled(name: &str) -> String {
    let name = text::prefix(name, 4 * NAME);
    text::line(&format!("{:#}", rustc_demangle::demangle(name)), NAME)
}

/// What is left to spend on reading.
struct Budget<'a> {
    steps: Cell<u64>,
    clock: &'a dyn Clock,
    until: Duration,
}

impl<'a> Budget<'a> {
    fn new(clock: &'a dyn Clock) -> Self {
        Self {
            steps: Cell::new(MOST_STEPS),
            clock,
            until: clock.thread_cpu() + LONGEST,
        }
    }

    /// `None` once all steps are taken.
    fn step(&self) -> Option<()> {
        self.steps.set(self.steps.get().checked_sub(1)?);
        Some(())
    }

    /// `None` once the time is over. A unit can hide much work behind few steps.
    fn unit(&self) -> Option<()> {
        (self.clock.thread_cpu() < self.until).then_some(())
    }
}

/// The source file and line of each frame, as far as they can be found within the budget.
fn places(
    compiled: &Compiled,
    frames: &[FrameInfo],
    budget: &Budget<'_>,
) -> Vec<Option<(String, u64)>> {
    let mut places = vec![None; frames.len()];
    for info in compiled.debug() {
        let mut wanted: Vec<(usize, u64)> = frames
            .iter()
            .enumerate()
            .filter_map(|(frame, place)| {
                let offset = place
                    .module_offset()
                    .filter(|offset| info.module.contains(offset))?;
                Some((frame, offset.checked_sub(info.code)? as u64))
            })
            .collect();
        if !wanted.is_empty() {
            // Whatever was found before the budget ended is kept.
            in_module(
                compiled,
                info,
                &mut wanted,
                &mut |frame, found| {
                    if let Some(place) = places.get_mut(frame) {
                        *place = found;
                    }
                },
                budget,
            );
        }
    }
    places
}

/// Looks for addresses in all units of a module, each unit once.
fn in_module(
    compiled: &Compiled,
    info: &DebugInfo,
    wanted: &mut Vec<(usize, u64)>,
    found: &mut dyn FnMut(usize, Option<(String, u64)>),
    budget: &Budget<'_>,
) -> Option<()> {
    let dwarf = dwarf(compiled.source().content(), info);
    let mut units = dwarf.units();
    while let Some(header) = units.next().ok()? {
        budget.step()?;
        budget.unit()?;
        let Ok(unit) = dwarf.unit(header) else {
            continue;
        };
        let here = covered(&dwarf, &unit, wanted, budget)?;
        for (frame, address) in here {
            found(frame, line(&dwarf, &unit, address, budget));
            wanted.retain(|(other, _)| *other != frame);
        }
        if wanted.is_empty() {
            return Some(());
        }
    }
    Some(())
}

fn dwarf<'a>(bytes: &'a [u8], info: &DebugInfo) -> Dwarf<'a> {
    let section = |id: gimli::SectionId| -> Result<Slice<'a>, std::convert::Infallible> {
        let range = info
            .sections
            .iter()
            .find(|(name, _)| name == id.name())
            .map(|(_, range)| range.clone());
        let content = range.and_then(|range| bytes.get(range)).unwrap_or_default();
        Ok(EndianSlice::new(content, LittleEndian))
    };
    let Ok(dwarf) = Dwarf::load(section);
    dwarf
}

/// The addresses that one unit covers; `None` once the budget is spent.
fn covered<'a>(
    dwarf: &Dwarf<'a>,
    unit: &Unit<Slice<'a>>,
    wanted: &[(usize, u64)],
    budget: &Budget<'_>,
) -> Option<Vec<(usize, u64)>> {
    let mut here = Vec::new();
    let Ok(mut ranges) = dwarf.unit_ranges(unit) else {
        return Some(here);
    };
    while let Ok(Some(range)) = ranges.next() {
        budget.step()?;
        here.extend(
            wanted
                .iter()
                .filter(|(_, address)| (range.begin..range.end).contains(address)),
        );
    }
    here.sort_unstable();
    here.dedup();
    Some(here)
}

/// Looks up one address in the lines of a unit.
fn line<'a>(
    dwarf: &Dwarf<'a>,
    unit: &Unit<Slice<'a>>,
    address: u64,
    budget: &Budget<'_>,
) -> Option<(String, u64)> {
    let program = unit.line_program.clone()?;
    let mut rows = program.rows();
    let mut best: Option<(u64, u64)> = None;
    while let Some((_, row)) = rows.next_row().ok()? {
        budget.step()?;
        if row.end_sequence() {
            if best.is_some() && row.address() > address {
                break;
            }
            best = None;
        } else if row.address() <= address {
            best = Some((
                row.file_index(),
                row.line().map_or(0, std::num::NonZero::get),
            ));
        } else if best.is_some() {
            break;
        }
    }
    let (file, line) = best.filter(|(_, line)| *line > 0)?;
    Some((file_name(dwarf, unit, &rows, file)?, line))
}

fn file_name<'a>(
    dwarf: &Dwarf<'a>,
    unit: &Unit<Slice<'a>>,
    rows: &gimli::LineRows<Slice<'a>, gimli::IncompleteLineProgram<Slice<'a>>>,
    index: u64,
) -> Option<String> {
    let header = rows.header();
    let file = header.file(index)?;
    let part = |value: AttributeValue<Slice<'a>>| {
        let slice = dwarf.attr_string(unit, value).ok()?;
        let kept = slice.slice().get(..slice.len().min(NAME))?;
        Some(String::from_utf8_lossy(kept).into_owned())
    };
    let mut path = part(file.path_name())?;
    if !path.starts_with('/')
        && let Some(directory) = file.directory(header).and_then(part)
        && !directory.is_empty()
    {
        path = format!("{directory}/{path}");
    }
    Some(text::line(&path, NAME))
}

#[cfg(test)]
mod tests;
