import pytest
from hypothesis import given
from hypothesis import strategies as st

from asb_output_provider.infrastructure.marks import USER_METADATA_LIMIT, Mark

words = st.text(max_size=60)


@given(words, words, st.booleans())
def test_a_mark_comes_back_as_it_was_written(project: str, task: str, auto: bool) -> None:
    mark = Mark(project, task, auto)
    assert Mark.read(mark.text()) == mark


@pytest.mark.parametrize("text", [None, "", "owned by finance", "{}", '{"dstream":{}}', '{"dstream":1}', "[", "null"])
def test_what_others_write_is_no_mark(text: str | None) -> None:
    assert Mark.read(text) is None


def test_what_a_later_version_adds_is_passed_over() -> None:
    assert Mark.read('{"dstream":{"project":"p","task":"t","since":3},"more":1}') == Mark("p", "t")


def test_tasks_of_one_name_in_two_projects_are_two_owners() -> None:
    assert Mark("p", "t").same_owner(Mark("p", "t", auto=True))
    assert not Mark("p", "t").same_owner(Mark("q", "t"))
    assert not Mark("p", "t").same_owner(None)


def test_a_mark_that_service_bus_would_cut_off_is_refused() -> None:
    with pytest.raises(ValueError, match="over the limit"):
        Mark("p", "t" * USER_METADATA_LIMIT).text()
