//! Rows of figures with what is aimed at.

use serde::Serialize;

/// What a figure is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    fn met(self, value: f64) -> bool {
        match self {
            Target::AtMost(most) => value <= most,
            Target::AtLeast(least) => value >= least,
        }
    }
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    Times,
    Micros,
}

impl Unit {
    fn show(self, value: f64) -> String {
        let digits = match value {
            value if value < 10.0 => 2,
            value if value < 100.0 => 1,
            _ => 0,
        };
        match self {
            Unit::Times => format!("{value:.digits$} ×"),
            Unit::Micros => format!("{value:.digits$} µs"),
        }
    }
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) figure: String,
    pub(crate) unit: Unit,
    pub(crate) target: Target,
    /// The figure, or why there is none.
    pub(crate) measured: Result<f64, String>,
    /// What it was made of.
    pub(crate) detail: String,
}

impl Row {
    pub(crate) fn times(
        figure: impl Into<String>,
        target: Target,
        measured: f64,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            figure: figure.into(),
            unit: Unit::Times,
            target,
            measured: Ok(measured),
            detail: detail.into(),
        }
    }

    pub(crate) fn missing(
        figure: impl Into<String>,
        target: Target,
        why: impl Into<String>,
    ) -> Self {
        Self {
            figure: figure.into(),
            unit: Unit::Times,
            target,
            measured: Err(why.into()),
            detail: String::new(),
        }
    }

    pub(crate) fn shown(&self) -> String {
        match &self.measured {
            Ok(value) => self.unit.show(*value),
            Err(_) => "–".to_owned(),
        }
    }

    pub(crate) fn aim(&self) -> String {
        match self.target {
            Target::AtMost(most) => format!("≤ {}", self.unit.show(most)),
            Target::AtLeast(least) => format!("≥ {}", self.unit.show(least)),
        }
    }

    pub(crate) fn verdict(&self) -> String {
        match &self.measured {
            Ok(value) if self.target.met(*value) => "met".to_owned(),
            Ok(_) => "missed".to_owned(),
            Err(why) => format!("not measured: {why}"),
        }
    }
}

/// The table as text. Below each row, what it was made of.
pub(crate) fn text(rows: &[Row]) -> String {
    let wide = |column: fn(&Row) -> String| {
        let widths = rows.iter().map(|row| column(row).chars().count());
        widths.max().unwrap_or_default().max(9)
    };
    let (figure, measured, aim) = (
        wide(|row| row.figure.clone()),
        wide(Row::shown),
        wide(Row::aim),
    );
    let mut text = format!(
        "{:figure$}  {:>measured$}  {:>aim$}  verdict\n",
        "figure", "measured", "target"
    );
    for row in rows {
        text += &format!(
            "{:figure$}  {:>measured$}  {:>aim$}  {}\n",
            row.figure,
            row.shown(),
            row.aim(),
            row.verdict(),
        );
        if !row.detail.is_empty() {
            text += &format!("    {}\n", row.detail);
        }
    }
    text
}
