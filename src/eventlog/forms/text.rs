pub(super) fn read(
    _text: &mut dyn std::io::BufRead,
    _sink: &mut super::sink::Sink<'_>,
) -> std::io::Result<()> {
    Ok(())
}
