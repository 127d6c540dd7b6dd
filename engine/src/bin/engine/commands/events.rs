use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use engine::data::{
    Expected, Filter, JournalReader, PublicKey, RunId, Timestamp, Verified, csv_header, line,
    remembered, verify,
};
use engine::{Event, EventKind, Fault, WallTime};
use serde_json::json;

use super::{finish, journal_place};
use crate::args::{self, EventsCommand, EventsFormat, ExportFormat, Output, Wanted};
use crate::render::{self, Paged, Printer};
use crate::settings;

/// How often a journal is looked at for new events.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// `engine events`.
pub(super) fn run(typed: EventsCommand, global: &args::Global, printer: &Printer) -> ExitCode {
    let json = matches!(&typed, EventsCommand::Verify(typed) if typed.output == Output::Json);
    let done = match typed {
        EventsCommand::Tail(typed) => tail(typed, global),
        EventsCommand::Show(typed) => show(typed, global),
        EventsCommand::Verify(typed) => verified(typed, global, printer),
        EventsCommand::Export(typed) => export(typed, global),
        EventsCommand::Schema(_) => printer.data(&Event::schema().to_string()),
    };
    finish(done, json, printer)
}

fn filter(wanted: Wanted) -> Result<Filter, Fault> {
    let Wanted { run, kind, since } = wanted;
    let known: BTreeSet<&str> = EventKind::NAMES.iter().copied().collect();
    // A misspelt kind would find nothing, for ever. Kinds of a later engine are in the export of all of them.
    if let Some(unknown) = kind.iter().find(|kind| !known.contains(kind.as_str())) {
        let close = known
            .iter()
            .filter(|name| name.contains(unknown.as_str()) || unknown.contains(**name))
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let fault = Fault::usage(format!(
            "there is no kind of event `{}`",
            line(unknown, 100)
        ));
        return Err(if close.is_empty() {
            fault.hint(format!("kinds are {}", EventKind::NAMES.join(", ")))
        } else {
            fault.hint(format!("did you mean {close}?"))
        });
    }
    Ok(Filter {
        run: run.as_deref().map(run_id).transpose()?,
        kinds: kind,
        since: since.as_deref().map(moment).transpose()?,
        after: 0,
    })
}

fn run_id(text: &str) -> Result<RunId, Fault> {
    text.parse().map_err(|_| {
        Fault::usage(format!("`{}` is not the id of a run", line(text, 100)))
            .hint("ids are in `run` of every outcome, and `engine events tail --kind run_started --format jsonl` lists them")
    })
}

/// A time, or how long ago it was.
fn moment(text: &str) -> Result<Timestamp, Fault> {
    if let Ok(ago) = text.parse::<WallTime>() {
        let ago = i64::try_from(ago.get().as_secs()).unwrap_or(i64::MAX);
        let then = Timestamp::now().as_second().saturating_sub(ago);
        return Timestamp::from_second(then)
            .map_err(|error| Fault::usage(format!("--since: {error}")));
    }
    text.parse().map_err(|_| {
        Fault::usage(format!("--since: `{}` is not a time", line(text, 100)))
            .hint("a time is written as `2026-11-21T08:00:00Z`, or as a duration such as `90m`")
    })
}

fn tail(typed: args::EventsTail, global: &args::Global) -> Result<(), Fault> {
    let args::EventsTail {
        follow,
        lines,
        format,
        wanted,
        place: at,
    } = typed;
    let mut filter = filter(wanted)?;
    let reader = JournalReader::open(journal_place(at, global)?)?;
    filter.after = reader.before_newest(&filter, lines)?;
    let mut paged = if follow {
        Paged::straight()
    } else {
        Paged::start()
    };
    loop {
        let page = reader.page(&filter)?;
        for stored in &page {
            let shown = match format {
                EventsFormat::Jsonl => stored.json.clone(),
                EventsFormat::Pretty => match stored.event() {
                    Ok(event) => render::pretty(&event),
                    Err(error) => format!("{} {}: {error}", stored.position, stored.kind),
                },
            };
            if !paged.line(&shown)? {
                return Ok(());
            }
        }
        match page.last() {
            Some(last) => filter.after = last.position,
            None if follow => {
                if !paged.flush()? {
                    return Ok(());
                }
                std::thread::sleep(BETWEEN_LOOKS);
            }
            None => return paged.end(),
        }
    }
}

fn show(typed: args::EventsShow, global: &args::Global) -> Result<(), Fault> {
    let args::EventsShow { run, place: at } = typed;
    let path = journal_place(at, global)?;
    let reader = JournalReader::open(&path)?;
    let run = match run.parse() {
        Ok(run) => run,
        Err(_) => only_run(&reader, &run)?,
    };
    let mut events: Vec<Event> = Vec::new();
    let mut unread = 0u64;
    let wanted = Filter {
        run: Some(run),
        ..Filter::default()
    };
    reader.each(wanted, |stored| {
        match stored.event() {
            Ok(event) => events.push(event),
            Err(_) => unread += 1,
        }
        Ok(())
    })?;
    if events.is_empty() {
        return Err(Fault::usage(format!(
            "`{}` has no run `{run}`",
            line(&path.to_string_lossy(), 200)
        ))
        .hint("`engine events tail --kind run_started` lists runs"));
    }
    let mut paged = Paged::start();
    for shown in render::timeline(&events).lines() {
        if !paged.line(shown)? {
            return Ok(());
        }
    }
    if unread > 0 {
        paged.line(&format!(
            "{unread} events of this run are not of this version"
        ))?;
    }
    paged.end()
}

/// The run whose id starts like this.
fn only_run(reader: &JournalReader, start: &str) -> Result<RunId, Fault> {
    let mut found = BTreeSet::new();
    let runs = Filter {
        kinds: vec!["run_started".to_owned()],
        ..Filter::default()
    };
    if start.len() >= 4 {
        reader.each(runs, |stored| {
            if let Ok(event) = stored.event()
                && let engine::data::Source::Run { run_id } = event.source
                && run_id.to_string().starts_with(start)
                && found.len() < 20
            {
                found.insert(run_id);
            }
            Ok(())
        })?;
    }
    let shown = line(start, 100);
    match (found.first(), found.len()) {
        (Some(run), 1) => Ok(*run),
        (None, _) if start.len() < 4 => Err(Fault::usage(format!(
            "`{shown}` is too short for the start of an id"
        ))
        .hint("give at least four characters")),
        (None, _) => Err(
            Fault::usage(format!("no run has an id that starts with `{shown}`"))
                .hint("`engine events tail --kind run_started` lists runs"),
        ),
        (Some(_), _) => {
            let all: Vec<String> = found.iter().map(ToString::to_string).collect();
            Err(Fault::usage(format!(
                "several runs have an id that starts with `{shown}`"
            ))
            .hint(all.join(", ")))
        }
    }
}

fn verified(
    typed: args::EventsVerify,
    global: &args::Global,
    printer: &Printer,
) -> Result<(), Fault> {
    let args::EventsVerify {
        from,
        head,
        key,
        output,
        place: at,
    } = typed;
    let own = from.is_none();
    let path = match from {
        Some(path) => path,
        None => journal_place(at, global)?,
    };
    // What this home signed and remembers counts for its own journals; one from elsewhere has another key.
    let key_file = settings::home(global).map(|home| settings::key(&home));
    let memory = match &key_file {
        Some(file) => remembered(file, JournalReader::open(&path)?.id())?,
        None => None,
    };
    let head = head
        .map(|head| head.parse())
        .transpose()
        .map_err(|error: engine::data::DigestError| Fault::usage(format!("--head: {error}")))?;
    let key = match key {
        Some(key) => Some(
            key.parse::<PublicKey>()
                .map_err(|error| Fault::usage(format!("--key: {error}")))?,
        ),
        None => match &key_file {
            Some(file) if own || memory.is_some() => PublicKey::of_file(file)?,
            _ => None,
        },
    };
    let expected = Expected {
        key,
        head,
        remembered: memory,
    };
    let found = verify(&path, expected)?;
    let Verified {
        journal,
        events,
        anchor,
        position,
        head,
        signed,
        keys,
    } = &found;
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    match output {
        Output::Json => printer.data(
            &json!({
                "status": "ok", "journal": journal, "events": events, "anchor": anchor,
                "position": position, "head": head, "signed": signed, "keys": keys,
            })
            .to_string(),
        ),
        Output::Text => {
            let removed = match anchor {
                0 => String::new(),
                anchor => format!("removed  up to row {anchor}, by retention\n"),
            };
            printer.data(&format!(
                "journal  {journal}\nevents   {events}, the last is row {position}\n{removed}\
                 signed   up to row {signed}, by {}\nhead     {head}",
                if keys.is_empty() {
                    "nobody".to_owned()
                } else {
                    keys.join(", ")
                }
            ))
        }
    }
}

fn export(typed: args::EventsExport, global: &args::Global) -> Result<(), Fault> {
    let args::EventsExport {
        format,
        wanted,
        place: at,
    } = typed;
    let filter = filter(wanted)?;
    let reader = JournalReader::open(journal_place(at, global)?)?;
    let mut paged = Paged::straight();
    let gone = |going: bool| going;
    if format == ExportFormat::Csv && !gone(paged.line(csv_header())?) {
        return Ok(());
    }
    let mut spans = render::Spans::new();
    let sums = engine::data::Metrics::new();
    let mut going = true;
    reader.each(filter, |stored| {
        if !going {
            return Ok(());
        }
        match format {
            ExportFormat::Jsonl => going = paged.line(&stored.json)?,
            ExportFormat::Cloudevents => going = paged.line(&stored.to_cloud_event())?,
            ExportFormat::Csv => going = paged.line(&stored.to_csv())?,
            ExportFormat::Otlp => {
                if let Ok(event) = stored.event()
                    && let Some(request) = spans.add(event)
                {
                    going = paged.line(&request)?;
                }
            }
            ExportFormat::Prometheus => {
                if let Ok(event) = stored.event() {
                    sums.add(&event);
                }
            }
        }
        Ok(())
    })?;
    if format == ExportFormat::Prometheus {
        for text in sums.to_text().lines() {
            going = going && paged.line(text)?;
        }
    }
    paged.end()
}
