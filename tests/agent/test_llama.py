"""A Hugging Face Llama checkpoint loads to the same hidden states that transformers computes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tolerance import pass_terms, root_mean_square, rounding
from transformers import LlamaConfig, LlamaModel

from fedxr.agent.model.backbone import Backbone, attend_within


def _save(folder: Path, **changes: object) -> LlamaModel:
    settings = {
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 16,
        "rms_norm_eps": 1e-5,
        "initializer_range": 0.1,  # large, but no layer enlarges what it gets: 0.1 √64 < 1
    }
    torch.manual_seed(0)
    model = LlamaModel(LlamaConfig(**(settings | changes))).eval()
    for name, parameter in model.named_parameters():  # gains of 1 would hide a misplaced one
        if "norm" in name:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    model.save_pretrained(folder)
    return model


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_key_value_heads": 4},
        {"num_key_value_heads": 1},
        {"rope_theta": 500.0},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
        {"rms_norm_eps": 1e-2},
        {"num_attention_heads": 2},
    ],
    ids=str,
)
def test_same_hidden_states_as_transformers(changes: dict[str, object], tmp_path: Path) -> None:
    theirs = _save(tmp_path, **changes)
    ours = Backbone.load_llama(tmp_path)
    x = torch.randn(2, 11, 64)
    ticks = torch.tensor([[0, 0, 1, 1, 2, 3, 5, 8, 13, 21, 34]] * 2)
    mask = torch.ones(11, 11, dtype=torch.bool).tril()
    with torch.no_grad():
        expected = theirs(
            inputs_embeds=x,
            position_ids=ticks,
            attention_mask=torch.zeros(2, 1, 11, 11).masked_fill(~mask, -1e9),
        ).last_hidden_state
        attend = attend_within(mask.expand(1, 2, 1, 11, 11))
        found = ours(x[None], ticks[None], attend, ours.joined(torch.float32))[0]
    relative = rounding(torch.float32, pass_terms(ours.size, x.shape[1]))
    atol = relative * root_mean_square(expected)
    torch.testing.assert_close(found, expected, atol=atol, rtol=relative)


def test_the_base_of_the_rotary_frequencies_is_read(tmp_path: Path) -> None:
    """Old files say rope_theta, new ones rope_parameters.rope_theta."""
    for name, settings in (
        ("old", {"rope_theta": 321.0}),
        ("new", {"rope_parameters": {"rope_theta": 321.0, "rope_type": "default"}}),
    ):
        folder = tmp_path / name
        _save(folder)
        config = json.loads((folder / "config.json").read_text())
        config.pop("rope_parameters", None)
        config.pop("rope_theta", None)
        (folder / "config.json").write_text(json.dumps(config | settings))
        assert Backbone.load_llama(folder).size.rope == 321.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "gpt2"}, "model_type is 'gpt2'"),
        ({"attention_bias": True}, "attention_bias is True"),
        ({"num_hidden_layers": 5}, "lacks layers.3."),
    ],
)
def test_what_does_not_fit_is_refused(
    changes: dict[str, object], words: str, tmp_path: Path
) -> None:
    _save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(ValueError, match=words):
        Backbone.load_llama(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    _save(tmp_path)
    for file in tmp_path.glob("*.safetensors"):
        file.unlink()
    with pytest.raises(FileNotFoundError, match=r"no \*\.safetensors"):
        Backbone.load_llama(tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        {"mlp_bias": True},
        {"hidden_act": "gelu"},
        {"head_dim": 32},
        {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}},
        {"rope_scaling": {"rope_type": "llama3", "factor": 8.0}},
    ],
    ids=str,
)
def test_another_formula_is_refused_not_computed_wrongly(
    settings: dict[str, object], tmp_path: Path
) -> None:
    _save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | settings))
    with pytest.raises(ValueError, match=next(iter(settings))):
        Backbone.load_llama(tmp_path)
