use std::fmt::Write as _;

/// A place in a value, as a chain up to the whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
    depth: usize,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Whole,
    Key(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    /// The whole value.
    pub(super) const WHOLE: Place<'static> = Place {
        parent: None,
        step: Step::Whole,
        depth: 0,
    };

    pub(super) fn key(&'a self, key: &'a str) -> Place<'a> {
        self.inside(Step::Key(key))
    }

    pub(super) fn index(&'a self, index: usize) -> Place<'a> {
        self.inside(Step::Index(index))
    }

    fn inside(&'a self, step: Step<'a>) -> Place<'a> {
        Place {
            parent: Some(self),
            step,
            depth: self.depth + 1,
        }
    }

    /// In how many arrays and objects the place lies.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// A JSON pointer, RFC 6901.
    pub(super) fn pointer(&self) -> String {
        let chain = std::iter::successors(Some(self), |place| place.parent);
        let mut steps: Vec<Step<'_>> = chain.map(|place| place.step).collect();
        steps.reverse();
        let mut pointer = String::new();
        for step in steps {
            // Writing to a string cannot fail.
            let _ = match step {
                Step::Whole => Ok(()),
                Step::Key(key) => {
                    write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1"))
                }
                Step::Index(index) => write!(pointer, "/{index}"),
            };
        }
        pointer
    }
}
