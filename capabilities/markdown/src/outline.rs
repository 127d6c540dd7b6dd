use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{Event, OffsetIter, Tag, TagEnd};

use crate::exports::engine::markdown::documents::Heading;
use crate::lines::Lines;
use crate::{MOST_CHARACTERS, MOST_LISTED, plain};

/// Lists the headings of a document.
pub(crate) fn outline(events: OffsetIter<'_>, lines: &Lines) -> Result<Vec<Heading>, String> {
    let (events, places): (Vec<Event<'_>>, Vec<_>) = events.unzip();
    let titles = titles(&events);
    if titles.len() > MOST_LISTED {
        return Err(format!(
            "{} headings, over the limit of {MOST_LISTED}",
            titles.len()
        ));
    }
    let headings = titles.into_iter().map(|title| Heading {
        level: title.level,
        text: title.text,
        anchor: title.anchor,
        line: places
            .get(title.position)
            .map_or(1, |place| lines.at(place.start)),
    });
    Ok(headings.collect())
}

/// What there is to know of a heading.
pub(crate) struct Title {
    /// The position of its start among the events.
    pub(crate) position: usize,
    level: u8,
    text: String,
    pub(crate) anchor: String,
}

/// All headings, with anchors that are the same for everybody.
pub(crate) fn titles(events: &[Event<'_>]) -> Vec<Title> {
    let mut anchors = Anchors::beside(events);
    let mut titles = Vec::new();
    let mut open: Option<(usize, u8, String)> = None;
    for (position, event) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                open = Some((position, *level as u8, String::new()));
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some((position, level, text)) = open.take() {
                    titles.push(Title {
                        position,
                        level,
                        anchor: anchors.of(&text),
                        text: text.chars().take(MOST_CHARACTERS).collect(),
                    });
                }
            }
            event => {
                if let Some((_, _, text)) = &mut open {
                    text.push_str(plain(event));
                }
            }
        }
    }
    titles
}

/// Makes anchors, no two the same.
struct Anchors {
    taken: BTreeSet<String>,
    next: BTreeMap<String, u32>,
}

impl Anchors {
    /// Starts with the names of footnotes, which are anchors already.
    fn beside(events: &[Event<'_>]) -> Self {
        let notes = events.iter().filter_map(|event| match event {
            Event::Start(Tag::FootnoteDefinition(name)) => Some(name.to_string()),
            _ => None,
        });
        Self {
            taken: notes.collect(),
            next: BTreeMap::new(),
        }
    }

    /// The anchor of the next heading.
    fn of(&mut self, text: &str) -> String {
        let mut stem = String::new();
        for c in text.trim().chars().take(MOST_CHARACTERS) {
            match c {
                c if c.is_alphanumeric() => stem.extend(c.to_lowercase()),
                '-' | '_' => stem.push(c),
                c if c.is_whitespace() => stem.push('-'),
                _ => {}
            }
        }
        if stem.is_empty() {
            stem.push_str("section");
        }
        if self.taken.insert(stem.clone()) {
            return stem;
        }
        let next = self.next.entry(stem.clone()).or_insert(1);
        loop {
            let anchor = format!("{stem}-{next}");
            *next = next.saturating_add(1);
            if self.taken.insert(anchor.clone()) {
                return anchor;
            }
        }
    }
}
