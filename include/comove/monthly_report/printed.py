"""A report to print: the words, tables and pictures of its page as a PDF.

Made by ReportLab: it breaks text and tables over pages, is pure Python, and needs no
program of the system. Its font is the one matplotlib brings along, since those every PDF
reader knows have no letters but western ones.
"""

import io
from collections.abc import Iterator
from html import escape
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    Image,
    Paragraph,
    SimpleDocTemplate,
    TableStyle,
)
from reportlab.platypus import Table as PrintedTable

from comove.risk_model.canvas import INK, LINE, QUIET, drawn
from comove.risk_model.page import Heading
from comove.risk_model.sections import Section, Table

_FONT, _BOLD = "DejaVu Sans", "DejaVu Sans Bold"
_MARGIN = 18 * mm
# ReportLab's frames keep 6 points inside of the margins.
_WIDTH = A4[0] - 2 * _MARGIN - 12
# Sharp on paper, and a dozen pictures stay below 3 MB.
_DOTS_PER_INCH = 180
_LONGEST_PICTURE = 0.55 * A4[1]


def write_print(file: Path, heading: Heading, sections: list[Section]) -> Path:
    """Write a report as PDF, whole or not at all.

    Parameters
    ----------
    file : Path
        Replaced if it is there.
    heading : Heading
        What stands above; also the document's title.
    sections : list of Section
        In their order.

    Returns
    -------
    Path
        The file. The same report gives the same bytes.
    """
    _register_fonts()
    unfinished = file.with_suffix(".part")
    title = f"{heading.title}, {heading.month:%B %Y}"
    document = SimpleDocTemplate(
        str(unfinished),
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=f"{title}, {heading.portfolio}",
        author="comove",
        subject=heading.origin,
        # Neither date nor chance in the file.
        invariant=1,
    )
    story = [
        _paragraph(title, _TITLE),
        _paragraph(f"{heading.portfolio} · {heading.origin}", _SMALL),
        *(part for section in sections for part in _section(section)),
    ]
    foot = _Foot(f"{title} · {heading.portfolio} · run {heading.run_id}")
    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return unfinished.replace(file)


class _Foot:
    """Writes what is reported, and the page's number, below every page."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self, canvas: Canvas, document: SimpleDocTemplate) -> None:
        canvas.saveState()
        canvas.setFont(_FONT, 7)
        canvas.setFillColor(HexColor(QUIET))
        canvas.drawString(_MARGIN, 10 * mm, self.text)
        canvas.drawRightString(A4[0] - _MARGIN, 10 * mm, f"{document.page}")
        canvas.restoreState()


class _Anchor(Flowable):  # type: ignore[misc]  # ReportLab is not typed
    """Names a place, for the outline that readers show beside the pages."""

    def __init__(self, name: str, title: str) -> None:
        super().__init__()
        self.keepWithNext = 1
        self.name, self.title = name, title

    def wrap(self, *_available: float) -> tuple[float, float]:
        return 0, 0

    def draw(self) -> None:
        self.canv.bookmarkPage(self.name)
        self.canv.addOutlineEntry(self.title, self.name, level=0)


def _section(section: Section) -> Iterator[Flowable]:
    yield _Anchor(section.name, section.title)
    yield _paragraph(section.title, _HEADING)
    for sentence in section.words:
        yield _paragraph(sentence, _TEXT)
    for one in section.pictures:
        yield _picture(one.figure)
    for table in section.tables:
        yield _paragraph(table.caption, _CAPTION)
        yield _table(table)


@drawn
def _picture(figure: Figure) -> Image:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
    buffer.seek(0)
    wide, high = figure.get_size_inches()
    width = min(_WIDTH, _LONGEST_PICTURE * wide / high)
    return Image(buffer, width=width, height=width * high / wide)


def _table(table: Table) -> PrintedTable:
    rows = [
        [
            _paragraph(cell, _NUMBER if place >= table.texts else _CELL)
            for place, cell in enumerate(row)
        ]
        for row in (table.head, *table.rows)
    ]
    line = (0.4, HexColor(LINE))
    return PrintedTable(
        rows,
        colWidths=_widths(table),
        repeatRows=1,
        style=TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -1), *line),
                ("TEXTCOLOR", (0, 0), (-1, 0), HexColor(QUIET)),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 2),
                ("RIGHTPADDING", (0, 0), (-1, -1), 2),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ]
        ),
    )


def _widths(table: Table) -> list[float]:
    """Give each column room by its longest cell, within reason."""
    columns = list(zip(table.head, *table.rows, strict=True))
    wants = [min(max(len(cell) for cell in column), 60) ** 0.7 for column in columns]
    return [_WIDTH * want / sum(wants) for want in wants]


def _paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(text), style)


def _register_fonts() -> None:
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    registerFont(TTFont(_FONT, folder / "DejaVuSans.ttf"))
    registerFont(TTFont(_BOLD, folder / "DejaVuSans-Bold.ttf"))
    registerFontFamily(_FONT, normal=_FONT, bold=_BOLD, italic=_FONT, boldItalic=_BOLD)


def _style(name: str, size: float, **more: object) -> ParagraphStyle:
    given = {"fontName": _FONT, "textColor": HexColor(INK), "leading": 1.35 * size}
    return ParagraphStyle(name, fontSize=size, **{**given, **more})


_TITLE = _style("title", 16, fontName=_BOLD, spaceAfter=4)
# What stands above something never stands alone at the foot of a page.
_HEADING = _style(
    "heading", 12, fontName=_BOLD, spaceBefore=12, spaceAfter=4, keepWithNext=1
)
_TEXT = _style("text", 9, spaceAfter=4)
_SMALL = _style("small", 7.5, textColor=HexColor(QUIET))
_CAPTION = _style(
    "caption", 7.5, textColor=HexColor(QUIET), spaceBefore=5, keepWithNext=1
)
_CELL = _style("cell", 7)
_NUMBER = _style("number", 7, alignment=TA_RIGHT)
