use super::*;

fn html(markdown: &str, raw: RawHtml) -> String {
    Documents::to_html(markdown.to_owned(), Some(raw)).unwrap()
}

#[test]
fn html_is_escaped_removed_or_kept() {
    let inline = "a <b onclick=\"x()\">c</b> & d";
    assert_eq!(
        html(inline, RawHtml::Escape),
        "<p>a &lt;b onclick=\"x()\"&gt;c&lt;/b&gt; &amp; d</p>\n"
    );
    assert_eq!(html(inline, RawHtml::Remove), "<p>a c &amp; d</p>\n");
    assert_eq!(
        html(inline, RawHtml::Keep),
        "<p>a <b onclick=\"x()\">c</b> &amp; d</p>\n"
    );
}

/// A block of HTML reaches to the next empty line, and has text in it.
#[test]
fn what_is_around_removed_html_stays() {
    let block = "before\n\n<div class=\"a > b\">one <i>two</i> &amp; <3\nthree</div>\n<!-- not\nthis --><script>alert(1)</script>\n\nafter";
    assert_eq!(
        html(block, RawHtml::Remove),
        "<p>before</p>\n<p>one two &amp; &lt;3\nthree</p>\n<p>after</p>\n"
    );
    assert_eq!(html("<hr>\n\nafter", RawHtml::Remove), "<p>after</p>\n");
    assert_eq!(
        html("<script>\nlost\n\n# all of it", RawHtml::Remove),
        "<p>lost\n\n# all of it</p>\n",
        "a script without an end hides nothing"
    );
    assert_eq!(
        html(
            "<style>a{}</style>x</ STYLE><SCRIPT>b</script >y",
            RawHtml::Remove
        ),
        "<p>x&lt;/ STYLE&gt;y</p>\n"
    );
}

/// Nothing that is left of HTML is HTML.
#[test]
fn no_tag_comes_through() {
    for sly in [
        "<scr<script>ipt>alert(1)</scr</script>ipt>",
        "<img src=x onerror=alert(1)//",
        "<a title='>'<img src=x>'>",
        "x <b\n<img src=x onerror=y>",
        "<div>\n&lt;script&gt; &#60;i&#62; &copy &x;\n</div>",
        "<!--><img src=x onerror=y>-->",
        "<?x><img src=x onerror=y>?>",
        "<![CDATA[><img src=x onerror=y>]]>",
        "![<img src=x onerror=y>](z)",
        "[a](<\"onmouseover=x> \"t\\\"<b>\")",
        "`<b>` [^<b>]\n\n[^<b>]: <b>",
    ] {
        for raw in [RawHtml::Escape, RawHtml::Remove] {
            let made = html(sly, raw);
            for tag in ["<img src=x", "<script", "<b", "<i>", "<scr"] {
                assert!(!made.contains(tag), "{sly}: {made}");
            }
        }
    }
}

#[test]
fn targets_that_run_code_lead_nowhere() {
    for target in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java&#10;script:alert(1)",
        "&#1;javascript:alert(1)",
        "javascript&colon;alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:x",
    ] {
        let made = html(
            &format!("[a *b*](<{target}>) ![c](<{target}>)"),
            RawHtml::Escape,
        );
        assert_eq!(made, "<p>a <em>b</em> c</p>\n", "{target}");
        let reference = html(&format!("[a]\n\n[a]: <{target}>"), RawHtml::Remove);
        assert_eq!(reference, "<p>a</p>\n", "{target}");
    }
    assert_eq!(
        html("<javascript:alert(1)>", RawHtml::Escape),
        "<p>javascript:alert(1)</p>\n"
    );
    assert!(html("[a](javascript:x)", RawHtml::Keep).contains("href=\"javascript:x\""));
    for target in [
        "https://x.y/a:b",
        "a/b:c",
        "#x:y",
        "?x:y",
        "MAILTO:a@b",
        "//x",
        "",
    ] {
        let made = html(&format!("[a](<{target}>)"), RawHtml::Escape);
        assert!(made.contains("<a href="), "{target}: {made}");
    }
    assert_eq!(
        html("<a@b.c>", RawHtml::Escape),
        "<p><a href=\"mailto:a@b.c\">a@b.c</a></p>\n"
    );
    assert_eq!(
        html(
            "[![i](data:x)](https://a) ![[b](javascript:x)](c.png)",
            RawHtml::Escape
        ),
        "<p><a href=\"https://a\">i</a> <img src=\"c.png\" alt=\"b\" /></p>\n"
    );
}

#[test]
fn the_outline_and_the_html_have_the_same_anchors() {
    let text = "# A *b* `c` <i>d</i>\n\nÜber & uns!\n---\n\n# a b c d\n\n# a-b-c-d-1\n\n#\n\n##\n\n# n\n\n[^n]\n\n[^n]: x\n";
    let headings = Documents::outline(text.to_owned()).unwrap();
    let anchors: Vec<&str> = headings.iter().map(|it| it.anchor.as_str()).collect();
    assert_eq!(
        anchors,
        [
            "a-b-c-d",
            "über--uns",
            "a-b-c-d-1",
            "a-b-c-d-1-1",
            "section",
            "section-1",
            "n-1"
        ]
    );
    assert_eq!(
        headings
            .iter()
            .map(|it| (it.level, it.line))
            .collect::<Vec<_>>(),
        [(1, 1), (2, 3), (1, 6), (1, 8), (1, 10), (2, 12), (1, 14)]
    );
    for raw in [RawHtml::Escape, RawHtml::Remove, RawHtml::Keep] {
        let made = html(text, raw);
        for heading in &headings {
            let start = format!("<h{} id=\"{}\">", heading.level, heading.anchor);
            assert_eq!(made.matches(&start).count(), 1, "{start} in {made}");
        }
    }
}

#[test]
fn links_and_images_are_listed_with_their_lines() {
    let text = "[a *b*](c.md \"T\")\r\n\r\nx ![d\re](f.png) <g@h.i>\n\n- [![j](k)](l)\n- [m][n] <https://o>\n\n[n]: p 'Q'\n";
    let links = Documents::links(text.to_owned()).unwrap();
    let told: Vec<_> = links
        .iter()
        .map(|it| {
            (
                it.target.as_str(),
                it.text.as_str(),
                it.title.as_str(),
                it.image,
                it.line,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("c.md", "a b", "T", false, 1),
            ("f.png", "d e", "", true, 3),
            ("mailto:g@h.i", "g@h.i", "", false, 4),
            ("l", "j", "", false, 6),
            ("k", "j", "", true, 6),
            ("p", "m", "Q", false, 7),
            ("https://o", "https://o", "", false, 7),
        ]
    );
}

#[test]
fn bounds_are_told() {
    let long = "x".repeat(MOST_BYTES + 1);
    for error in [
        Documents::to_html(long.clone(), None).unwrap_err(),
        Documents::outline(long.clone()).map(|_| ()).unwrap_err(),
        Documents::links(long).map(|_| ()).unwrap_err(),
    ] {
        assert_eq!(
            error,
            "1048577 bytes of Markdown, over the limit of 1048576"
        );
    }
    let error = Documents::outline("#\n".repeat(10_001)).map(|_| ());
    assert_eq!(
        error.unwrap_err(),
        "10001 headings, over the limit of 10000"
    );
    let error = Documents::links("[](a)".repeat(10_001)).map(|_| ());
    assert_eq!(error.unwrap_err(), "over 10000 links");
    let error = Documents::to_html("&\n\n".repeat(MOST_BYTES / 3), None).map(|_| ());
    assert_eq!(error.unwrap_err(), "over 4194304 bytes of HTML");
    let heading = Documents::outline(format!("# {}", "é".repeat(501))).unwrap();
    assert_eq!(heading[0].text.chars().count(), 500);
}

/// What makes other programs slow or deep.
#[test]
fn hostile_documents_end() {
    for text in [
        ">".repeat(10_000),
        "[".repeat(100_000),
        "![a".repeat(9_000) + &"](b)".repeat(9_000),
        "*a **b ".repeat(20_000),
        "- ".repeat(10_000) + "x",
        "`".repeat(50_000) + "a",
        "<a ".repeat(100_000) + "\">",
        "<!-- ".repeat(50_000),
        format!("<div>\n{}", "<script>".repeat(50_000)),
        format!("<div>\n{}", "<style></style>".repeat(30_000)),
        format!("<div>\n{}", "<!--".repeat(50_000)),
        format!("<div>\n{}\">", "<a ".repeat(50_000)),
        format!(
            "|{}\n|{}\n{}",
            "a|".repeat(1_000),
            "-|".repeat(1_000),
            "|\n".repeat(1_000)
        ),
        "[a]: b\n".repeat(10_000) + &"[a]".repeat(9_000),
        "[^a]\n\n[^a]: [^a]\n".repeat(5_000),
    ] {
        for raw in [RawHtml::Escape, RawHtml::Remove, RawHtml::Keep] {
            // That it ends is what counts; a bound that is told is fine.
            let made = Documents::to_html(text.clone(), Some(raw));
            assert!(made.is_ok() || made.is_err_and(|why| why.contains("over")));
        }
        let lists = [
            Documents::outline(text.clone()).map(|list| list.len()),
            Documents::links(text).map(|list| list.len()),
        ];
        for list in lists {
            assert!(list.is_ok_and(|length| length <= MOST_LISTED));
        }
    }
}
