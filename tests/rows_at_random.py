"""Any row of any kind, within the bounds that it declares: what a kind of row is, it says itself."""

import msgspec
from hypothesis import strategies as st
from msgspec import inspect


def some(kind):
    """Rows of a kind; half of the fields that may be left out are."""
    made = {}
    for field in inspect.type_info(kind).fields:
        values = of_type(field.type)
        made[field.name] = values if field.required else st.just(getattr(field, "default", None)) | values
    return st.fixed_dictionaries(made).map(lambda said: kind(**said))


def of_type(info):  # noqa: C901, PLR0911 - a case a type
    """Values of a type, as msgspec describes it."""
    match info:
        case inspect.StrType(pattern=str(pattern)):
            return st.from_regex(pattern.removesuffix(r"(?!\n)"), fullmatch=True).filter(
                lambda text: "\n" not in text and len(text) <= (info.max_length or len(text)) and not surrogates(text)
            )
        case inspect.StrType():
            return st.text(st.characters(exclude_categories=["Cs"]), max_size=min(info.max_length or 20, 20))
        case inspect.IntType():
            return st.integers(info.ge or 0, info.le if info.le is not None else 2**53)
        case inspect.BoolType():
            return st.booleans()
        case inspect.DateType():
            return st.dates()
        case inspect.EnumType():
            return st.sampled_from(info.cls)
        case inspect.NoneType():
            return st.none()
        case inspect.UnionType():
            return st.one_of(*(of_type(each) for each in info.types))
        case inspect.VarTupleType():
            return st.lists(of_type(info.item_type), max_size=min(info.max_length or 4, 4)).map(tuple)
        case inspect.TupleType():
            return st.tuples(*(of_type(each) for each in info.item_types))
        case inspect.Metadata():
            return of_type(info.type)
    raise TypeError(info)


def surrogates(text):
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def under_the_key_of(row, other):
    """The other row, under the first one's key."""
    for name in row.__struct_fields__:
        if msgspec.structs.replace(row, **{name: getattr(other, name)}).own_key != row.own_key:
            other = msgspec.structs.replace(other, **{name: getattr(row, name)})
    return other
