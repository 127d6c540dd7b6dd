//! What core functions cost a compiler beyond their size: local variables, and blocks inside blocks.

use wasmparser::{BinaryReaderError, FunctionBody, Operator, Parser, Payload};

use super::{Bound, Excess, within};
use crate::component::Source;
use crate::types::{Fault, Phase};

/// A compiler goes through all blocks around a loop: twice as deep takes four times as long.
const BLOCKS: Bound = Bound {
    what: "blocks inside each other in one core function",
    limit: 5_000,
    compile: true,
};

/// What a component may have so that compiling it takes a few seconds and 200 MiB at worst.
///
/// Measured by the worst of each: calls of empty functions take 16 µs and 2.4 KB each, empty functions 90 µs and 6 KB,
/// local variables 80 ns each and as much memory as there are branches in their function, loops inside loops 7 µs each when they
/// are 256 deep. Code of real programs takes 2 µs a byte.
struct Small {
    code: u64,
    functions: u64,
    types: u64,
}

impl Small {
    const CODE: u64 = 256 << 10;
    const FUNCTIONS: u64 = 4_000;
    const TYPES: u64 = 4_000;
    const FUNCTION_SIZE: u64 = 64 << 10;
    const LOCALS: u64 = 1_000;
    const BLOCKS: u64 = 256;

    /// Whether it is still small with this part; what cannot be read is not.
    fn with(&mut self, payload: &Payload<'_>) -> bool {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "what is not compiled does not count"
        )]
        match payload {
            Payload::TypeSection(section) => self.types += u64::from(section.count()),
            Payload::CoreTypeSection(section) => self.types += u64::from(section.count()),
            Payload::ComponentTypeSection(section) => self.types += u64::from(section.count()),
            Payload::CodeSectionEntry(body) => {
                let size = body.range().len() as u64;
                self.code += size;
                self.functions += 1;
                let fits = size <= Self::FUNCTION_SIZE
                    && locals(body) <= Self::LOCALS
                    && blocks(body).is_ok_and(|blocks| blocks <= Self::BLOCKS);
                if !fits {
                    return false;
                }
            }
            _ => {}
        }
        self.code <= Self::CODE && self.functions <= Self::FUNCTIONS && self.types <= Self::TYPES
    }
}

/// Whether a component that passed the check is so small that it can be compiled anywhere.
pub(in crate::component) fn is_small(source: &Source) -> bool {
    let mut small = Small {
        code: 0,
        functions: 0,
        types: 0,
    };
    Parser::new(0)
        .parse_all(source.content())
        .all(|payload| payload.is_ok_and(|payload| small.with(&payload)))
}

/// Checks what takes a look at every instruction, and so is left to when a component is compiled at all.
pub(in crate::component) fn check_blocks(source: &Source) -> Result<(), Fault> {
    for payload in Parser::new(0).parse_all(source.content()) {
        // What cannot be read is the validator's to refuse.
        if let Ok(Payload::CodeSectionEntry(body)) = payload
            && let Ok(blocks) = blocks(&body)
        {
            within(blocks, BLOCKS)
                .map_err(|excess: Excess| excess.fault(source.name()).at(Phase::Load))?;
        }
    }
    Ok(())
}

/// How many local variables a function declares; what cannot be read has as many as there can be.
pub(super) fn locals(body: &FunctionBody<'_>) -> u64 {
    let Ok(declared) = body.get_locals_reader() else {
        return u64::MAX;
    };
    declared
        .into_iter()
        .try_fold(0, |sum: u64, group| {
            let (count, _) = group.ok()?;
            Some(sum.saturating_add(u64::from(count)))
        })
        .unwrap_or(u64::MAX)
}

/// How many blocks are inside each other at most.
fn blocks(body: &FunctionBody<'_>) -> Result<u64, BinaryReaderError> {
    let (mut open, mut most) = (0_u64, 0);
    for operator in body.get_operators_reader()? {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "no other instruction begins or ends a block"
        )]
        match operator? {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::TryTable { .. } => {
                open += 1;
                most = most.max(open);
            }
            Operator::End => open = open.saturating_sub(1),
            _ => {}
        }
    }
    Ok(most)
}
