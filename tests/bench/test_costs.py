from __future__ import annotations

import polars as pl
import pytest
import torch

from bench.costs import choose_sentences, count_flops, cpu_seconds, measure_pages, round_figures


def test_operations_are_two_for_each_product_and_sum() -> None:
    left, right = torch.ones(3, 5), torch.ones(5, 7)
    assert count_flops(lambda: left @ right) == 2 * 3 * 5 * 7


def test_names_are_no_sentences() -> None:
    table = pl.DataFrame({"src": ["Туркменский язык", "Сегодня очень хорошая погода."]})
    assert choose_sentences(table, "src")["src"].to_list() == ["Сегодня очень хорошая погода."]


def test_the_first_call_is_not_counted() -> None:
    calls = []
    assert cpu_seconds(lambda: calls.append(1), 3) >= 0
    assert len(calls) == 4


def test_figures_have_four_digits_and_counts_all() -> None:
    assert round_figures({"a": {"b": 123456.7, "n": 123456}}) == {"a": {"b": 123500.0, "n": 123456}}


@pytest.mark.slow
def test_pages_are_read_and_cut_into_sentences() -> None:
    figures = measure_pages(1)
    assert figures["core_s_per_page"] > 0
    assert 5 < figures["sentences_per_page"] < 50
    assert figures["packed_bytes_per_page"] < figures["bytes_per_page"]
