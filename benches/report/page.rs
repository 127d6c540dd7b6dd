//! The page: one file, without anything from elsewhere.

use super::chart::{Plot, escaped};
use crate::table::Row;

/// What is told of a measurement besides its numbers.
pub(super) type About = Vec<(&'static str, String)>;

pub(super) fn page(about: &About, rows: &[Row], plots: &[Plot]) -> Result<String, std::fmt::Error> {
    let about: String = about
        .iter()
        .map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escaped(value)))
        .collect();
    let plots = plots.iter().map(figure).collect::<Result<String, _>>()?;
    Ok(include_str!("page.html")
        .replace("{{about}}", &format!("<dl>{about}</dl>"))
        .replace("{{rows}}", &rows.iter().map(row).collect::<String>())
        .replace("{{plots}}", &plots))
}

fn row(row: &Row) -> String {
    let class = match row.verdict().as_str() {
        "met" => "met",
        "missed" => "missed",
        _ => "none",
    };
    format!(
        "<tr><td>{}<small>{}</small></td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"{class}\">{}</td></tr>\n",
        escaped(&row.figure),
        escaped(&row.detail),
        row.shown(),
        row.aim(),
        escaped(&row.verdict()),
    )
}

fn figure(plot: &Plot) -> Result<String, std::fmt::Error> {
    Ok(format!(
        "<figure><figcaption><strong>{}</strong><p>{}</p></figcaption>{}<div class=\"legend\">{}</div>{}</figure>\n",
        escaped(&plot.title),
        escaped(&plot.note),
        plot.svg()?,
        plot.legend(),
        plot.numbers(),
    ))
}
