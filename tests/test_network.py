import numpy as np
import pytest
import torch

from sklearn_asn._training.network import (
    VARIANTS,
    ASENetwork,
    Bilinear,
    attention_quantiles,
)

N_MAIN, N_OTHER, N_CLASSES, HIDDEN = 5, 4, 3, 6


def network(variant, **kwargs):
    torch.manual_seed(0)
    return ASENetwork(variant, N_MAIN, N_OTHER, N_CLASSES, HIDDEN, **kwargs).eval()


def arrays(module):
    return {name: value.detach().numpy() for name, value in module.state_dict().items()}


def linear(x, w, name):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def features_from_the_paper(variant, x, w):
    """Section 3.1 in plain numpy, dropout off."""
    main, other = x[:, :N_MAIN], x[:, N_MAIN:]
    relu = lambda a: np.maximum(a, 0)  # noqa: E731
    prefix = "models.0.extractor."
    if variant in ("temporal", "spatial", "single"):
        return main
    if variant == "fusion":
        return np.hstack([main, other])
    if variant == "bottleneck":
        return np.hstack([main, relu(linear(other, w, prefix + "reduce"))])
    a = relu(linear(main, w, prefix + "reduce_main"))
    b = relu(linear(other, w, prefix + "reduce_other"))
    joint = np.zeros((len(x), HIDDEN))
    for k in range(HIDDEN):
        joint[:, k] = np.einsum("ni,ij,nj->n", a, w[prefix + "bilinear.weight"][k], b)
    return np.hstack([main, relu(joint + w[prefix + "bilinear.bias"])])


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v != "two-stream"])
def test_variant_computes_the_papers_formula(variant):
    net = network(variant)
    x = np.random.default_rng(0).normal(size=(7, N_MAIN + N_OTHER)).astype(np.float32)
    activations, attention = net(torch.from_numpy(x))
    w = arrays(net)
    features = features_from_the_paper(variant, x, w)
    np.testing.assert_allclose(
        activations[:, 0].detach(), linear(features, w, "models.0.classification"), atol=1e-5
    )
    np.testing.assert_allclose(
        attention.detach(), linear(features, w, "models.0.attention"), atol=1e-5
    )


def test_two_stream_is_two_independent_models():
    net = network("two-stream")
    x = torch.randn(7, N_MAIN + N_OTHER)
    activations, attention = net(x)
    assert activations.shape == (7, 2, N_CLASSES)
    assert attention.shape == (7, 2)
    changed = x.clone()
    changed[:, N_MAIN:] += 1
    again, again_attention = net(changed)
    assert torch.equal(again[:, 0], activations[:, 0])
    assert torch.equal(again_attention[:, 0], attention[:, 0])
    assert not torch.allclose(again[:, 1], activations[:, 1])


def test_unknown_variant():
    with pytest.raises(ValueError, match="variant='trilinear'"):
        network("trilinear")


@pytest.mark.parametrize("shape", [(9,), (2, 3), (600,)])
def test_bilinear_equals_torch_with_gradients(shape):
    torch.manual_seed(0)
    ours = Bilinear(5, 4, 6).double()
    theirs = torch.nn.Bilinear(5, 4, 6).double()
    theirs.load_state_dict(ours.state_dict())
    inputs = [torch.randn(*shape, n, requires_grad=True, dtype=torch.double) for n in (5, 4)]
    grads = []
    for layer in (ours, theirs):
        out = layer(*inputs)
        wanted = [*inputs, layer.weight, layer.bias]
        grads.append((out, *torch.autograd.grad(out.square().sum(), wanted)))
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-10)


def test_dropout_stands_before_classification_but_not_before_attention():
    net = network("temporal", dropout=0.5).train()
    x = torch.ones(200, N_MAIN + N_OTHER)
    activations, attention = net(x)
    assert torch.allclose(attention, attention[0].expand_as(attention))
    assert activations[:, 0].std(dim=0).min() > 0


@pytest.mark.parametrize("variant", ["bottleneck", "bilinear"])
def test_dropout_stands_before_the_bottleneck(variant):
    net = network(variant, dropout=0.5).train()
    x = torch.ones(200, N_MAIN + N_OTHER)
    assert net(x)[1].std() > 0  # attention sees it through the extracted features


def test_fusion_inherits_exactly_its_parents_outputs():
    parent = network("temporal")
    torch.manual_seed(1)
    child = ASENetwork("fusion", N_MAIN, N_OTHER, N_CLASSES, 0).eval()
    child.inherit(parent.state_dict())
    x = torch.randn(50, N_MAIN + N_OTHER)
    for got, want in zip(child(x), parent(x), strict=True):
        torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-6)  # sums of other length
    w = arrays(child)
    assert not w["models.0.classification.weight"][:, N_MAIN:].any()
    assert not w["models.0.attention.weight"][:, N_MAIN:].any()


@pytest.mark.parametrize("variant", ["bottleneck", "bilinear"])
def test_inherit_copies_heads_and_leaves_the_rest(variant):
    parent = arrays(network("temporal"))
    torch.manual_seed(1)
    child = ASENetwork(variant, N_MAIN, N_OTHER, N_CLASSES, HIDDEN)
    before = {k: v.copy() for k, v in arrays(child).items()}
    child.inherit({k: torch.from_numpy(v) for k, v in parent.items()})
    after = arrays(child)
    for head in ("classification", "attention"):
        name = f"models.0.{head}.weight"
        np.testing.assert_array_equal(after[name][:, :N_MAIN], parent[name])
        np.testing.assert_array_equal(after[name][:, N_MAIN:], before[name][:, N_MAIN:])
        np.testing.assert_array_equal(
            after[f"models.0.{head}.bias"], parent[f"models.0.{head}.bias"]
        )
    for name in (n for n in after if "extractor" in n):
        np.testing.assert_array_equal(after[name], before[name])


def test_quantiles_equal_numpy():
    values = torch.randn(37, 2)
    got = attention_quantiles(values, torch.ones(37))
    want = np.quantile(values.numpy().astype(float), np.linspace(0, 1, 101), axis=0).T
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_weighted_quantiles_equal_repeated_values():
    values = torch.randn(11, 1)
    weight = torch.tensor([1, 3, 2, 0, 1, 4, 1, 1, 2, 0, 5])
    got = attention_quantiles(values, weight)
    want = attention_quantiles(values.repeat_interleave(weight, dim=0), torch.ones(20))
    torch.testing.assert_close(got, want)


def test_running_quantiles_follow_equation_2():
    net = network("temporal")
    batches = [torch.randn(20, 1) for _ in range(4)]
    q = None
    for batch in batches:
        net.track_quantiles(batch, torch.ones(20), 0.9)
        now = np.quantile(batch.numpy().astype(float), np.linspace(0, 1, 101))
        q = now if q is None else 0.9 * q + 0.1 * now
    np.testing.assert_allclose(net.attention_quantiles[0], q, atol=1e-5)
