//! A chart as SVG.

use std::fmt::Write as _;

use serde::Serialize;

/// Figures that grow with something.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Plot {
    pub(crate) title: String,
    /// How it was measured, and what to see in it.
    pub(crate) note: String,
    pub(crate) across: Axis,
    pub(crate) up: Axis,
    pub(crate) lines: Vec<Line>,
}

/// What is along an axis.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Axis {
    pub(crate) label: String,
    pub(crate) scale: Scale,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scale {
    Linear,
    Logarithmic,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 74.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 46.0;

/// One axis with its bounds.
struct Ruler {
    scale: Scale,
    from: f64,
    to: f64,
}

impl Ruler {
    fn over(scale: Scale, values: impl Iterator<Item = f64> + Clone) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::NEG_INFINITY, f64::max);
        match scale {
            Scale::Linear => Self {
                scale,
                from: 0.0,
                to: round_up(most.max(1e-9)),
            },
            Scale::Logarithmic => Self {
                scale,
                from: least.max(1e-9).log10().floor(),
                to: most
                    .max(1e-9)
                    .log10()
                    .ceil()
                    .max(least.max(1e-9).log10().floor() + 1.0),
            },
        }
    }

    /// Where a value is, from 0 to 1.
    fn at(&self, value: f64) -> f64 {
        let value = match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic => value.max(1e-9).log10(),
        };
        (value - self.from) / (self.to - self.from)
    }

    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => (0..=4)
                .map(|n| self.from + (self.to - self.from) * f64::from(n) / 4.0)
                .collect(),
            Scale::Logarithmic => {
                let mut exponents = Vec::new();
                let mut exponent = self.from;
                while exponent <= self.to + 0.01 {
                    exponents.push(10f64.powf(exponent));
                    exponent += 1.0;
                }
                exponents
            }
        }
    }
}

/// The next of 1, 2, 2.5 and 5 times a power of ten.
fn round_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .map(|step| step * power)
        .into_iter()
        .find(|bound| *bound >= value)
        .unwrap_or(value)
}

/// A number as short as it can be read.
pub(super) fn short(value: f64) -> String {
    let (value, unit) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, " G"),
        size if size >= 1e6 => (value / 1e6, " M"),
        size if size >= 1e4 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let digits = match value.abs() {
        0.0 => 0,
        size if size < 0.1 => 3,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{unit}")
}

/// Text in HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

impl Plot {
    /// The plot as SVG, without its title and note.
    pub(super) fn svg(&self) -> Result<String, std::fmt::Error> {
        let points = || self.lines.iter().flat_map(|line| line.points.iter());
        let across = Ruler::over(self.across.scale, points().map(|(x, _)| *x));
        let up = Ruler::over(self.up.scale, points().map(|(_, y)| *y));
        let x = |value: f64| LEFT + across.at(value) * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - up.at(value) * (HEIGHT - TOP - BOTTOM);
        let mut svg = format!(
            r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}">"#,
            escaped(&self.title)
        );
        for tick in up.ticks() {
            let at = y(tick);
            write!(
                svg,
                r#"<line class="grid" x1="{LEFT}" x2="{}" y1="{at:.1}" y2="{at:.1}"/><text x="{}" y="{:.1}" text-anchor="end">{}</text>"#,
                WIDTH - RIGHT,
                LEFT - 8.0,
                at + 4.0,
                short(tick)
            )?;
        }
        for tick in across.ticks() {
            let at = x(tick);
            write!(
                svg,
                r#"<line class="grid" x1="{at:.1}" x2="{at:.1}" y1="{TOP}" y2="{}"/><text x="{at:.1}" y="{}" text-anchor="middle">{}</text>"#,
                HEIGHT - BOTTOM,
                HEIGHT - BOTTOM + 17.0,
                short(tick)
            )?;
        }
        write!(
            svg,
            r#"<text x="{:.1}" y="{}" text-anchor="middle">{}</text><text transform="translate(14 {:.1}) rotate(-90)" text-anchor="middle">{}</text>"#,
            (LEFT + WIDTH - RIGHT) / 2.0,
            HEIGHT - 8.0,
            escaped(&self.across.label),
            (TOP + HEIGHT - BOTTOM) / 2.0,
            escaped(&self.up.label)
        )?;
        for (number, line) in self.lines.iter().enumerate() {
            let path: Vec<String> = line
                .points
                .iter()
                .map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value)))
                .collect();
            write!(
                svg,
                r#"<g class="line{}"><polyline points="{}"/>"#,
                number % 6,
                path.join(" ")
            )?;
            for (at, value) in &line.points {
                write!(
                    svg,
                    r#"<circle cx="{:.1}" cy="{:.1}" r="3.5"><title>{}: {} → {}</title></circle>"#,
                    x(*at),
                    y(*value),
                    escaped(&line.name),
                    short(*at),
                    short(*value)
                )?;
            }
            svg.push_str("</g>");
        }
        svg.push_str("</svg>");
        Ok(svg)
    }

    /// What the lines are, with their colours.
    pub(super) fn legend(&self) -> String {
        let names = self.lines.iter().enumerate().map(|(number, line)| {
            format!(
                r#"<span class="line{}"><i></i>{}</span>"#,
                number % 6,
                escaped(&line.name)
            )
        });
        names.collect()
    }

    /// The numbers, for whoever cannot see the lines.
    pub(super) fn numbers(&self) -> String {
        let mut across: Vec<f64> = self
            .lines
            .iter()
            .flat_map(|line| line.points.iter().map(|(x, _)| *x))
            .collect();
        across.sort_by(f64::total_cmp);
        across.dedup();
        let heads: String = self
            .lines
            .iter()
            .map(|line| format!("<th>{}</th>", escaped(&line.name)))
            .collect();
        let rows: String = across
            .into_iter()
            .map(|x| {
                let cells: String = self
                    .lines
                    .iter()
                    .map(|line| {
                        let at = line.points.iter().find(|(at, _)| *at == x);
                        let value = at.map(|(_, value)| short(*value)).unwrap_or_default();
                        format!("<td>{value}</td>")
                    })
                    .collect();
                format!("<tr><th>{}</th>{cells}</tr>", short(x))
            })
            .collect();
        format!(
            "<details><summary>numbers</summary><table><tr><th>{}</th>{heads}</tr>{rows}</table></details>",
            escaped(&self.across.label)
        )
    }
}
