//! Puts into a filter, before it is compiled, the places where it looks after itself.
//!
//! Every definition, every filter that is given to another one, and every few levels of a term begin with
//! `!room |`, which fails where little stack is left. In front of a filter it changes nothing else: neither its
//! paths, nor what it updates, nor that a call at the end of a definition takes no stack.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::ops::Math;
use jaq_core::path::{Part, Path};

/// Fails where little stack is left.
pub(super) const ROOM: &str = "!room";
/// The same, sooner: where the interpreter calls itself in a way that this code sees little of.
pub(super) const HIDDEN_ROOM: &str = "!hidden-room";
/// Counts calls that keep what they were called from.
pub(super) const GROW: &str = "!grow";
/// Fails on a value that nests too deeply.
pub(super) const SHALLOW: &str = "!shallow";
/// Multiplies, strings inside their bound.
pub(super) const TIMES: &str = "!times";
/// A variable that no filter can name.
const FACTOR: &str = "$!";

/// How many levels of a term there are from one look at the stack to the next.
const LEVELS: usize = 4;

/// Filters of the interpreter that return a value deeper than any that was there.
const DEEPENING: [&str; 3] = ["group_by", "key_values", "path_value"];

/// A definition that looks after itself. Of the definitions in it, those of so many levels take much of the stack that
/// this code sees, and those further inside little.
pub(super) fn guarded(definition: Def<&str>, open_levels: usize) -> Def<&str> {
    let mut guard = Guard {
        around: Vec::new(),
        open_levels,
    };
    guard.definition(definition)
}

/// The definitions around a term.
struct Guard<'s> {
    /// Those with filters as arguments, by name and number of arguments.
    around: Vec<(&'s str, usize)>,
    /// How many levels of definitions there may be until they are far inside.
    open_levels: usize,
}

fn call<'s>(name: &'s str, args: Vec<Term<&'s str>>) -> Term<&'s str> {
    Term::Call(name, args)
}

fn pipe<'s>(first: Term<&'s str>, then: Term<&'s str>) -> Term<&'s str> {
    Term::BinOp(Box::new(first), BinaryOp::Pipe(None), Box::new(then))
}

fn checked(term: Term<&str>) -> Term<&str> {
    pipe(term, call(SHALLOW, Vec::new()))
}

fn with_room(term: Term<&str>) -> Term<&str> {
    pipe(call(ROOM, Vec::new()), term)
}

fn with_hidden_room(term: Term<&str>) -> Term<&str> {
    pipe(call(HIDDEN_ROOM, Vec::new()), term)
}

impl<'s> Guard<'s> {
    fn definition(&mut self, definition: Def<&'s str>) -> Def<&'s str> {
        let Def { name, args, body } = definition;
        let takes_filters = args.iter().any(|arg| !arg.starts_with('$'));
        if takes_filters {
            self.around.push((name, args.len()));
        }
        let levels = self.open_levels;
        self.open_levels = levels.saturating_sub(1);
        let body = self.term(body, 0);
        self.open_levels = levels;
        if takes_filters {
            self.around.pop();
        }
        let body = if levels == 0 {
            with_hidden_room(body)
        } else {
            with_room(body)
        };
        Def { name, args, body }
    }

    /// A term that is `level` levels below the last look at the stack.
    fn term(&mut self, term: Term<&'s str>, level: usize) -> Term<&'s str> {
        if level < LEVELS {
            return self.inner(term, level.saturating_add(1));
        }
        match term {
            leaf @ (Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_)) => {
                leaf
            }
            term => with_room(self.inner(term, 1)),
        }
    }

    fn boxed(&mut self, term: Term<&'s str>, level: usize) -> Box<Term<&'s str>> {
        Box::new(self.term(term, level))
    }

    fn inner(&mut self, term: Term<&'s str>, level: usize) -> Term<&'s str> {
        match term {
            leaf @ (Term::Id
            | Term::Recurse
            | Term::Num(_)
            | Term::Break(_)
            | Term::Var(_)
            | Term::Arr(None)) => leaf,
            Term::Str(format, parts) => {
                let parts = parts.into_iter().map(|part| match part {
                    StrPart::Term(term) => StrPart::Term(self.term(term, level)),
                    text @ (StrPart::Str(_) | StrPart::Char(_)) => text,
                });
                Term::Str(format, parts.collect())
            }
            Term::Arr(Some(items)) => checked(Term::Arr(Some(self.boxed(*items, level)))),
            Term::Obj(fields) => {
                let fields = fields.into_iter().map(|(name, value)| {
                    let value = value.map(|value| self.term(value, level));
                    (self.term(name, level), value)
                });
                checked(Term::Obj(fields.collect()))
            }
            Term::Neg(term) => Term::Neg(self.boxed(*term, level)),
            Term::BinOp(left, operator, right) => self.operation(*left, operator, *right, level),
            Term::Label(name, term) => Term::Label(name, self.boxed(*term, level)),
            Term::Fold(kind, items, pattern, args) => {
                let items = self.boxed(*items, level);
                let pattern = self.pattern(pattern, level);
                // An update calls itself once for every item.
                let args = args
                    .into_iter()
                    .map(|arg| with_hidden_room(self.term(arg, 0)));
                Term::Fold(kind, items, pattern, args.collect())
            }
            Term::TryCatch(term, catch) => {
                let term = self.boxed(*term, level);
                Term::TryCatch(term, catch.map(|catch| self.boxed(*catch, level)))
            }
            Term::IfThenElse(branches, other) => {
                let branches = branches
                    .into_iter()
                    .map(|(test, then)| (self.term(test, level), self.term(then, level)));
                let branches = branches.collect();
                Term::IfThenElse(branches, other.map(|other| self.boxed(*other, level)))
            }
            Term::Def(definitions, term) => {
                let definitions = definitions
                    .into_iter()
                    .map(|definition| self.definition(definition))
                    .collect();
                Term::Def(definitions, self.boxed(*term, level))
            }
            Term::Call(name, args) => self.call(name, args),
            Term::Path(term, Path(parts)) => {
                let term = self.boxed(*term, level);
                let parts = parts.into_iter().map(|(part, optional)| {
                    let part = match part {
                        Part::Index(index) => Part::Index(self.term(index, level)),
                        Part::Range(from, to) => Part::Range(
                            from.map(|from| self.term(from, level)),
                            to.map(|to| self.term(to, level)),
                        ),
                    };
                    (part, optional)
                });
                Term::Path(term, Path(parts.collect()))
            }
        }
    }

    fn operation(
        &mut self,
        left: Term<&'s str>,
        operator: BinaryOp<&'s str>,
        right: Term<&'s str>,
        level: usize,
    ) -> Term<&'s str> {
        let left = self.term(left, level);
        let right = self.term(right, level);
        match operator {
            BinaryOp::Math(Math::Mul) => call(TIMES, vec![left, right]),
            BinaryOp::UpdateMath(Math::Mul) => {
                let times = call(TIMES, vec![Term::Id, Term::Var(FACTOR)]);
                let update = Term::BinOp(Box::new(left), BinaryOp::Update, Box::new(times));
                let bind = BinaryOp::Pipe(Some(Pattern::Var(FACTOR)));
                Term::BinOp(Box::new(right), bind, Box::new(update))
            }
            operator @ (BinaryOp::Assign
            | BinaryOp::Update
            | BinaryOp::UpdateMath(_)
            | BinaryOp::UpdateAlt) => {
                checked(Term::BinOp(Box::new(left), operator, Box::new(right)))
            }
            BinaryOp::Pipe(Some(pattern)) => {
                let pattern = self.pattern(pattern, level);
                Term::BinOp(
                    Box::new(left),
                    BinaryOp::Pipe(Some(pattern)),
                    Box::new(right),
                )
            }
            operator @ (BinaryOp::Pipe(None)
            | BinaryOp::Comma
            | BinaryOp::Alt
            | BinaryOp::Or
            | BinaryOp::And
            | BinaryOp::Math(_)
            | BinaryOp::Cmp(_)) => Term::BinOp(Box::new(left), operator, Box::new(right)),
        }
    }

    fn call(&mut self, name: &'s str, args: Vec<Term<&'s str>>) -> Term<&'s str> {
        let key = (name, args.len());
        let args = args.into_iter().map(|arg| match arg {
            leaf @ (Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_)) => {
                leaf
            }
            arg => with_room(self.term(arg, 0)),
        });
        let called = call(name, args.collect());
        if self.around.contains(&key) {
            // The filter that it hands on holds on to the one that it was handed, and so forth; to let go of
            // them takes a level of the stack each.
            return pipe(call(GROW, Vec::new()), called);
        }
        if DEEPENING.contains(&name) {
            return checked(called);
        }
        called
    }

    fn pattern(&mut self, pattern: Pattern<&'s str>, level: usize) -> Pattern<&'s str> {
        match pattern {
            Pattern::Var(name) => Pattern::Var(name),
            Pattern::Arr(items) => Pattern::Arr(
                items
                    .into_iter()
                    .map(|item| self.pattern(item, level))
                    .collect(),
            ),
            Pattern::Obj(fields) => Pattern::Obj(
                fields
                    .into_iter()
                    .map(|(name, item)| (self.term(name, level), self.pattern(item, level)))
                    .collect(),
            ),
        }
    }
}
