//! Reads Markdown: makes HTML of it, lists its headings and its links.

mod lines;
mod outline;
mod render;
mod strip;
mod target;

use pulldown_cmark::{Event, LinkType, OffsetIter, Options, Parser, Tag, TagEnd};

use exports::engine::markdown::documents::{Guest, Heading, Link, RawHtml};
use lines::Lines;

guest_sdk::capability!(Documents in "../../wit/markdown");

/// The most bytes of Markdown that are taken.
const MOST_BYTES: usize = 1 << 20;
/// The most headings or links of one list.
const MOST_LISTED: usize = 10_000;
/// The most characters of a heading or of a link's text.
const MOST_CHARACTERS: usize = 500;

struct Documents;

impl Guest for Documents {
    fn to_html(markdown: String, raw_html: Option<RawHtml>) -> Result<String, String> {
        render::html(parse(&markdown)?, raw_html.unwrap_or(RawHtml::Escape))
    }

    fn outline(markdown: String) -> Result<Vec<Heading>, String> {
        outline::outline(parse(&markdown)?, &Lines::of(&markdown))
    }

    fn links(markdown: String) -> Result<Vec<Link>, String> {
        links(parse(&markdown)?, &Lines::of(&markdown))
    }
}

fn parse(markdown: &str) -> Result<OffsetIter<'_>, String> {
    if markdown.len() > MOST_BYTES {
        return Err(format!(
            "{} bytes of Markdown, over the limit of {MOST_BYTES}",
            markdown.len()
        ));
    }
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_TASKLISTS;
    Ok(Parser::new_ext(markdown, options).into_offset_iter())
}

fn links(events: OffsetIter<'_>, lines: &Lines) -> Result<Vec<Link>, String> {
    let mut links: Vec<Link> = Vec::new();
    // Those that are open, and where their texts begin in what is shown: an image may lie in a link.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut shown = String::new();
    for (event, place) in events {
        let (kind, target, title, image) = match &event {
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                ..
            }) => (link_type, dest_url, title, false),
            Event::Start(Tag::Image {
                link_type,
                dest_url,
                title,
                ..
            }) => (link_type, dest_url, title, true),
            Event::End(TagEnd::Link | TagEnd::Image) => {
                if let Some((position, start)) = open.pop()
                    && let Some(link) = links.get_mut(position)
                {
                    let text = shown.get(start..).unwrap_or_default();
                    link.text = text.chars().take(MOST_CHARACTERS).collect();
                }
                continue;
            }
            event => {
                if !open.is_empty() {
                    shown.push_str(plain(event));
                }
                continue;
            }
        };
        if links.len() == MOST_LISTED {
            return Err(format!("over {MOST_LISTED} links"));
        }
        open.push((links.len(), shown.len()));
        links.push(Link {
            target: match kind {
                LinkType::Email => format!("mailto:{target}"),
                _ => target.to_string(),
            },
            text: String::new(),
            title: title.to_string(),
            image,
            line: lines.at(place.start),
        });
    }
    Ok(links)
}

/// What a reader sees of a piece of text without its marks.
fn plain<'a>(event: &'a Event<'_>) -> &'a str {
    match event {
        Event::Text(text) | Event::Code(text) => text,
        Event::SoftBreak | Event::HardBreak => " ",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
