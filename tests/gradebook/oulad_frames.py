"""The sample's figures once more, with pandas and from its CSV files alone: no code of the service's."""

from __future__ import annotations

import gzip
import io
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd

from tests.api.figures import chapter_of

MASTERY = 40.0

Frame = Any
"""pandas has no types of its own."""


def _read(name: str) -> Frame:
    packed = resources.files("studentapi").joinpath("sample", "oulad", f"{name}.csv.gz").read_bytes()
    return pd.read_csv(io.BytesIO(gzip.decompress(packed)), na_values="?")


def _class_of(frame: Frame) -> Frame:
    return frame["code_module"] + "-" + frame["code_presentation"]


@cache
def assessments() -> Frame:
    """By class: id, chapter, weight, day, due (a timestamp)."""
    frame = _read("assessments")
    frame["class_id"] = _class_of(frame)
    frame["id"] = frame["id_assessment"].astype(str)
    frame["chapter"] = frame["id"].map(chapter_of())
    frame["start"] = _start(frame["code_presentation"])
    frame["due"] = frame["start"] + pd.to_timedelta(frame["date"], unit="D")
    return frame[["class_id", "id", "chapter", "weight", "start", "date", "due"]]


@cache
def enrolled() -> Frame:
    """Students by class, without those who have withdrawn; every date of the sample is past."""
    frame = _read("studentRegistration")
    frame = frame[frame["date_unregistration"].isna()]
    return pd.DataFrame({"class_id": _class_of(frame), "student": frame["id_student"].astype(str)})


@cache
def handed_in() -> Frame:
    frame = _read("studentAssessment")
    return pd.DataFrame(
        {
            "id": frame["id_assessment"].astype(str),
            "student": frame["id_student"].astype(str),
            "submitted": frame["date_submitted"],
            "banked": frame["is_banked"] == 1,
            "score": frame["score"],
        }
    )


@cache
def pairs() -> Frame:
    """A row for each enrolled student and each assessment of the class, with what was handed in."""
    frame = enrolled().merge(assessments(), on="class_id").merge(handed_in(), on=["id", "student"], how="left")
    frame["tried"] = frame["submitted"].notna()
    frame["missing"] = ~frame["tried"] & frame["date"].notna()
    frame["late"] = frame["tried"] & (frame["submitted"] > frame["date"]) & (frame["banked"] != True)  # noqa: E712
    frame["graded"] = frame["score"].notna()
    frame["weight_graded"] = frame["weight"].where(frame["graded"], 0.0)
    frame["product"] = (frame["weight"] * frame["score"]).fillna(0.0)
    return frame


def percents(by: list[str]) -> Frame:
    """Figures of each group of `pairs`; `percent` is weighted, or else the mean, or NaN."""
    frame = (
        pairs()
        .groupby(by)
        .agg(
            tried=("tried", "sum"),
            missing=("missing", "sum"),
            late=("late", "sum"),
            graded=("graded", "sum"),
            mean=("score", "mean"),
            weight=("weight_graded", "sum"),
            product=("product", "sum"),
        )
    )
    frame["percent"] = (frame["product"] / frame["weight"]).where(frame["weight"] > 0, frame["mean"])
    return frame


def _start(presentation: Frame) -> Frame:
    month = presentation.str[4].map({"B": "-02-01", "J": "-10-01"})
    return pd.to_datetime(presentation.str[:4] + month)
