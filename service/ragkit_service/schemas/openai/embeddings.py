"""Embeddings: the request."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from ragkit_service.schemas.openai.chat import Lenient
from ragkit_service.schemas.requests import WHOLE, encodable

INPUTS_LIMIT = 2_048

_Text = Annotated[str, Field(min_length=1), BeforeValidator(encodable)]
_Tokens = Annotated[list[Annotated[int, Field(ge=0), WHOLE]], Field(min_length=1)]


class EmbeddingsRequest(Lenient):
    """Texts to embed: one, a list, or token arrays of the encoding cl100k_base, as OpenAI's embedding models have it.

    `dimensions` must be the model's own. `input_type` is ragkit's: a query may be embedded differently from a document.
    """

    model: Annotated[str, Field(max_length=200, description="The embedding model's name, `ragkit` or `ragkit/NAME`.")]
    input: (
        _Text
        | Annotated[list[_Text], Field(min_length=1, max_length=INPUTS_LIMIT)]
        | _Tokens
        | Annotated[list[_Tokens], Field(min_length=1, max_length=INPUTS_LIMIT)]
    )
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Field(ge=1), WHOLE] | None = None
    input_type: Literal["document", "query"] = "document"

    model_config = ConfigDict(json_schema_extra={"examples": [{"model": "ragkit", "input": ["refund window"]}]})

    @property
    def items(self) -> list[str | list[int]]:
        """The inputs, one for each vector."""
        if isinstance(self.input, str):
            return [self.input]
        inputs: list[Any] = list(self.input)
        return [inputs] if isinstance(inputs[0], int) else inputs
