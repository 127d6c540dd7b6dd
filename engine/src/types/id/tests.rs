use super::*;

#[test]
fn a_digest_survives_its_text_form() {
    let digest = Digest::of(b"");
    let text = digest.to_string();
    assert_eq!(
        text,
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(text.parse::<Digest>().unwrap(), digest);
}

#[test]
fn a_digest_is_refused_with_another_algorithm_length_or_case() {
    for text in [
        "md5:e3b0c442",
        "sha256:e3b0",
        "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        "sha256:é3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
    ] {
        let error = text.parse::<Digest>().unwrap_err().to_string();
        assert!(error.contains("sha256:"), "{error}");
    }
}

#[test]
fn ids_of_one_process_sort_by_age() {
    let ids: Vec<RunId> = (0..100).map(|_| RunId::fresh()).collect();
    assert!(ids.is_sorted());
}
