use std::fmt;

use pulldown_cmark::{CowStr, Event, LinkType, OffsetIter, Tag, TagEnd, html};

use crate::exports::engine::markdown::documents::RawHtml;
use crate::outline::titles;
use crate::strip;
use crate::target::leads;

/// The most bytes of HTML that are made.
const MOST_HTML: usize = 4 << 20;

/// Makes HTML.
pub(crate) fn html(events: OffsetIter<'_>, raw: RawHtml) -> Result<String, String> {
    let events: Vec<Event<'_>> = events.map(|(event, _)| event).collect();
    let mut made = Made(String::new());
    let written = html::write_html_fmt(&mut made, settled(anchored(events), raw).into_iter());
    written.map_err(|_| format!("over {MOST_HTML} bytes of HTML"))?;
    Ok(made.0)
}

/// HTML that refuses to grow over its bound.
struct Made(String);

impl fmt::Write for Made {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        if self.0.len() + more.len() > MOST_HTML {
            return Err(fmt::Error);
        }
        self.0.push_str(more);
        Ok(())
    }
}

/// Does with raw HTML and with targets what is wanted.
fn settled(events: Vec<Event<'_>>, raw: RawHtml) -> Vec<Event<'_>> {
    // What becomes of a block of HTML, as HTML, and of a tag inside a line, as text.
    type Change = fn(&str) -> String;
    let (block_of, text_of): (Change, Change) = match raw {
        RawHtml::Keep => return events,
        RawHtml::Escape => (escaped, str::to_owned),
        RawHtml::Remove => (|html| shown(&strip::text(html)), strip::text),
    };
    let mut settled = Vec::with_capacity(events.len());
    // Of each link and image that is open, whether it stays one.
    let mut stays: Vec<bool> = Vec::new();
    let mut block = String::new();
    for event in events {
        match event {
            Event::Start(Tag::HtmlBlock) => block.clear(),
            Event::Html(html) => block.push_str(&html),
            Event::End(TagEnd::HtmlBlock) => {
                let text = block_of(&block);
                let text = text.trim();
                if !text.is_empty() {
                    settled.push(Event::Start(Tag::Paragraph));
                    settled.push(Event::Html(text.to_owned().into()));
                    settled.push(Event::End(TagEnd::Paragraph));
                }
            }
            Event::InlineHtml(html) => settled.push(Event::Text(text_of(&html).into())),
            Event::Start(tag) => {
                let stay = match &tag {
                    Tag::Link {
                        link_type: LinkType::Email,
                        ..
                    } => true,
                    Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => leads(dest_url),
                    _ => {
                        settled.push(Event::Start(tag));
                        continue;
                    }
                };
                stays.push(stay);
                if stay {
                    settled.push(Event::Start(tag));
                }
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                if stays.pop().unwrap_or(true) {
                    settled.push(event);
                }
            }
            event => settled.push(event),
        }
    }
    settled
}

/// Gives each heading the anchor that the outline has for it.
fn anchored(mut events: Vec<Event<'_>>) -> Vec<Event<'_>> {
    for title in titles(&events) {
        if let Some(Event::Start(Tag::Heading { id, .. })) = events.get_mut(title.position) {
            *id = Some(CowStr::from(title.anchor));
        }
    }
    events
}

/// Text of HTML with its references to characters, such as `&amp;`, and nothing else that means something.
fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, reference) = rest.split_at(at);
        shown.push_str(&escaped(before));
        let name = reference.get(1..).unwrap_or_default();
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '#');
        let end =
            end.filter(|end| *end > 0 && name.get(*end..).is_some_and(|it| it.starts_with(';')));
        shown.push_str(if end.is_some() { "&" } else { "&amp;" });
        rest = name;
    }
    shown.push_str(&escaped(rest));
    shown
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}
