//! Which step waits for which.

use std::collections::BTreeSet;

/// The dependencies of a plan's steps, by their positions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Graph {
    needs: Vec<Vec<usize>>,
    needed_by: Vec<Vec<usize>>,
}

impl Graph {
    /// Takes for each step those that it waits for.
    ///
    /// # Errors
    ///
    /// A circle, as the positions of its steps in the order in which they wait for each other.
    pub(crate) fn new(needs: Vec<BTreeSet<usize>>) -> Result<Self, Vec<usize>> {
        let mut needed_by = vec![Vec::new(); needs.len()];
        for (step, before) in needs.iter().enumerate() {
            for before in before {
                if let Some(after) = needed_by.get_mut(*before) {
                    after.push(step);
                }
            }
        }
        let graph = Self {
            needs: needs
                .into_iter()
                .map(|before| before.into_iter().collect())
                .collect(),
            needed_by,
        };
        let sorted = graph.sorted();
        if sorted.len() == graph.needs.len() {
            return Ok(graph);
        }
        let mut left = vec![true; graph.needs.len()];
        for step in sorted {
            if let Some(left) = left.get_mut(step) {
                *left = false;
            }
        }
        Err(graph.circle(&left))
    }

    /// The steps that this one waits for.
    pub(crate) fn needs(&self, step: usize) -> &[usize] {
        self.needs.get(step).map_or(&[], Vec::as_slice)
    }

    /// The steps that wait for this one.
    pub(crate) fn needed_by(&self, step: usize) -> &[usize] {
        self.needed_by.get(step).map_or(&[], Vec::as_slice)
    }

    /// Adds a step that waits for others, which are there already.
    pub(crate) fn push(&mut self, needs: BTreeSet<usize>) {
        let step = self.needs.len();
        for before in &needs {
            if let Some(after) = self.needed_by.get_mut(*before) {
                after.push(step);
            }
        }
        self.needs.push(needs.into_iter().collect());
        self.needed_by.push(Vec::new());
    }

    /// Steps after all that they wait for; those in or behind a circle are left out.
    fn sorted(&self) -> Vec<usize> {
        let mut open: Vec<usize> = self.needs.iter().map(Vec::len).collect();
        let mut sorted: Vec<usize> = (0..self.needs.len())
            .filter(|step| self.needs(*step).is_empty())
            .collect();
        let mut next = 0;
        while let Some(step) = sorted.get(next).copied() {
            next += 1;
            for after in self.needed_by(step) {
                if let Some(open) = open.get_mut(*after) {
                    *open = open.saturating_sub(1);
                    if *open == 0 {
                        sorted.push(*after);
                    }
                }
            }
        }
        sorted
    }

    /// Follows steps that wait for each other until one comes again.
    fn circle(&self, left: &[bool]) -> Vec<usize> {
        let is_left = |step: &usize| left.get(*step).copied().unwrap_or(false);
        let mut path: Vec<usize> = Vec::new();
        let mut seen = vec![false; left.len()];
        let mut at = (0..left.len()).find(is_left);
        while let Some(step) = at {
            if let Some(start) = path.iter().position(|earlier| *earlier == step) {
                return path.split_off(start);
            }
            // Every step that is left waits for another that is left.
            if seen.get(step).copied().unwrap_or(true) {
                break;
            }
            if let Some(seen) = seen.get_mut(step) {
                *seen = true;
            }
            path.push(step);
            at = self.needs(step).iter().copied().find(|step| is_left(step));
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn graph(needs: &[&[usize]]) -> Result<Graph, Vec<usize>> {
        Graph::new(
            needs
                .iter()
                .map(|before| before.iter().copied().collect())
                .collect(),
        )
    }

    #[test]
    fn a_circle_is_told_in_its_order() {
        assert_eq!(graph(&[&[0]]), Err(vec![0]));
        assert_eq!(graph(&[&[], &[0, 3], &[1], &[2]]), Err(vec![1, 3, 2]));
        assert!(graph(&[&[], &[0], &[0], &[1, 2]]).is_ok());
    }

    #[test]
    fn a_long_chain_is_no_problem() {
        let needs = (0..100_000).map(|step: usize| step.checked_sub(1).into_iter().collect());
        assert!(Graph::new(needs.collect()).is_ok());
    }

    proptest! {
        /// A graph whose steps wait for earlier ones alone has no circle; a way back makes one, whose steps
        /// really wait for each other.
        #[test]
        fn circles_are_found_exactly(
            needs in proptest::collection::vec(proptest::collection::btree_set(0usize..20, 0..4), 2..20),
            back in any::<proptest::sample::Index>(),
        ) {
            let mut needs: Vec<BTreeSet<usize>> = needs
                .into_iter()
                .enumerate()
                .map(|(step, before)| before.into_iter().filter(|before| *before < step).collect())
                .collect();
            let graph = Graph::new(needs.clone());
            prop_assert!(graph.is_ok());
            let last = needs.len() - 1;
            let to = back.index(last);
            needs[last].insert(to);
            needs[to].insert(last);
            let circle = Graph::new(needs.clone()).unwrap_err();
            for (at, step) in circle.iter().enumerate() {
                let next = circle[(at + 1) % circle.len()];
                prop_assert!(needs[*step].contains(&next), "{circle:?}");
            }
        }
    }
}
