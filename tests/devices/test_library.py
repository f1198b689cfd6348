"""Parts of the library that courses use run on a simulated device, and stay there."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Bernoulli, Categorical, Normal, Uniform

from autograder.devices import device_of
from autograder.devices.simulation import Simulation
from autograder.devices.tags import tensors_in

D = "cuda:1"
PIECES = {}


def piece(function):
    PIECES[function.__name__] = function
    return function


def normal(*shape):
    return torch.randn(*shape, device=D)


@piece
def attention_layer():
    return nn.MultiheadAttention(8, 2, batch_first=True).to(D)(
        normal(2, 5, 8), normal(2, 5, 8), normal(2, 5, 8)
    )


@piece
def attention_layer_with_masks():
    return nn.MultiheadAttention(8, 2, device=D)(
        normal(5, 2, 8),
        normal(5, 2, 8),
        normal(5, 2, 8),
        attn_mask=nn.Transformer.generate_square_subsequent_mask(5, device=D),
        key_padding_mask=torch.zeros(2, 5, dtype=torch.bool, device=D),
    )


@piece
def encoder():
    m = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2).to(D)
    return m(normal(2, 5, 8)), m.eval()(normal(2, 5, 8))


@piece
def transformer():
    return nn.Transformer(8, 2, 1, 1, 16).to(D)(normal(4, 2, 8), normal(3, 2, 8))


@piece
def gumbel_softmax():
    return F.gumbel_softmax(normal(3, 4), hard=True)


@piece
def resampling():
    return F.interpolate(normal(1, 1, 4, 4), scale_factor=2, mode="bilinear"), F.grid_sample(
        normal(1, 1, 4, 4), F.affine_grid(torch.eye(2, 3, device=D)[None], (1, 1, 4, 4))
    )


@piece
def distances():
    return (
        torch.cdist(normal(3, 2), normal(4, 2)),
        F.cosine_similarity(normal(3, 2), normal(3, 2)),
        F.pairwise_distance(normal(3, 2), normal(3, 2)),
    )


@piece
def distributions():
    c = Categorical(logits=normal(3, 4))
    n = Normal(normal(3), torch.ones(3, device=D))
    s = c.sample()
    return (
        s,
        c.log_prob(s),
        n.rsample(),
        n.log_prob(n.sample()),
        c.entropy(),
        Bernoulli(probs=torch.full((3,), 0.5, device=D)).sample(),
        Uniform(torch.tensor(0.0, device=D), torch.tensor(1.0, device=D)).sample((3,)),
    )


@piece
def initialisations():
    w = torch.empty(3, 4, device=D)
    for i in (
        nn.init.xavier_uniform_,
        nn.init.kaiming_normal_,
        nn.init.orthogonal_,
        nn.init.zeros_,
        nn.init.eye_,
        nn.init.trunc_normal_,
    ):
        i(w)
    return w


@piece
def optimisers():
    out = []
    for kind in (
        torch.optim.AdamW,
        torch.optim.RMSprop,
        torch.optim.Adagrad,
        torch.optim.Adadelta,
        torch.optim.Adamax,
        torch.optim.NAdam,
    ):
        p = nn.Parameter(normal(3))
        o = kind([p], lr=0.1)
        s = torch.optim.lr_scheduler.StepLR(o, 1)
        for _ in range(2):
            o.zero_grad()
            (p**2).sum().backward()
            o.step()
            s.step()
        out.append(p.data)
    p = nn.Parameter(normal(3))
    o = torch.optim.LBFGS([p], max_iter=3)

    def loss():
        o.zero_grad()
        total = (p**2).sum()
        total.backward()
        return total

    o.step(loss)
    out.append(p.data)
    return out


@piece
def losses():
    y = torch.tensor([0, 1, 2], device=D)
    return (
        F.cross_entropy(normal(3, 4), y, label_smoothing=0.1),
        F.multi_margin_loss(normal(3, 4), y),
        F.kl_div(normal(3, 4).log_softmax(1), normal(3, 4).softmax(1), reduction="batchmean"),
        F.huber_loss(normal(3), normal(3)),
        F.smooth_l1_loss(normal(3), normal(3)),
        F.triplet_margin_loss(normal(3, 2), normal(3, 2), normal(3, 2)),
        F.binary_cross_entropy(normal(3).sigmoid(), normal(3).sigmoid()),
    )


@piece
def embeddings():
    return nn.EmbeddingBag(5, 3, mode="sum").to(D)(
        torch.tensor([[1, 2], [3, 4]], device=D)
    ), nn.Embedding(5, 3, padding_idx=0, device=D)(torch.tensor([1, 0], device=D))


@piece
def linear_algebra():
    a = normal(3, 3)
    s = a @ a.T + torch.eye(3, device=D)
    return [
        torch.linalg.cholesky(s),
        torch.linalg.inv(s),
        *torch.linalg.eigh(s),
        *torch.linalg.qr(a),
        torch.linalg.det(a),
        torch.linalg.norm(a),
        torch.linalg.lstsq(a, a).solution,
        torch.linalg.pinv(a),
        torch.linalg.matrix_rank(s),
        torch.trace(a),
        torch.kron(a, a),
        torch.logdet(s),
        torch.linalg.matrix_power(a, 3),
        torch.linalg.multi_dot([a, a, a]),
    ]


@piece
def tensor_functions():
    x = normal(4, 5)
    return [
        x.kthvalue(2)[0],
        x.median(),
        x.median(0)[0],
        x.mode(0)[0],
        x.quantile(0.5),
        torch.histc(x),
        torch.bucketize(x, torch.linspace(0, 1, 4, device=D)),
        x.roll(1, 0),
        x.rot90(),
        x.flip(0),
        torch.tril_indices(3, 3, device=D),
        torch.combinations(x[0]),
        torch.cartesian_prod(x[0], x[1]),
        x.diff(),
        x.logcumsumexp(0),
        torch.unique_consecutive(x),
        x.argsort(),
        torch.isin(x, x[0]),
        x.nan_to_num(),
        torch.block_diag(x, x),
        torch.vander(x[0]),
        x.cov(),
        x.corrcoef(),
        torch.gradient(x[0])[0],
        torch.trapezoid(x),
        x.cummax(0)[0],
        x.index_reduce(0, torch.tensor([0, 1], device=D), normal(2, 5), "amax"),
        x.scatter_reduce(0, torch.zeros(1, 5, dtype=torch.long, device=D), normal(1, 5), "sum"),
        x.put(torch.tensor([0], device=D), normal(1)),
        x.take(torch.tensor([0], device=D)),
        x.take_along_dim(x.argsort(), 1),
        x.masked_scatter(x > 0, normal(20)),
        x.masked_select(x > 0),
        x.renorm(2, 0, 1.0),
        torch.fft.fft(x).real,
        torch.complex(x, x).abs(),
        x.repeat_interleave(torch.tensor([1, 2, 1, 1], device=D), 0),
        x.repeat_interleave(2),
        torch.meshgrid(x[0], x[1], indexing="ij")[0],
        x.unfold(0, 2, 1),
        torch.special.expit(x),
        torch.erf(x),
        torch.polygamma(1, x.abs()),
        x.bernoulli(0.5),
        torch.normal(x, x.abs()),
        torch.normal(0.0, 1.0, (3,), device=D),
        torch.randint_like(x, 5),
        torch.rand_like(x),
        torch.empty_like(x),
        torch.searchsorted(x[0].sort()[0], x),
        torch.count_nonzero(x),
        torch.atleast_3d(x),
        x.argwhere(),
        torch.tensordot(x, x, dims=([1], [1])),
        torch.einsum("ij,kj->ik", x, x),
        torch.nn.utils.parameters_to_vector([x, x]),
        x.view(torch.int32),
        x.half().float(),
        x.bool(),
        x.softmax(0, dtype=torch.float64),
        torch.clip(x, 0, 1),
        x.expand(2, 4, 5),
        x[None, ..., None],
        x[:, [0, 1]],
        x[x > 0],
        x[torch.arange(4, device=D), torch.arange(4)],
        torch.where(x > 0)[0],
    ]


@piece
def layers():
    return [
        nn.Conv1d(2, 3, 2, device=D)(normal(1, 2, 4)),
        nn.Conv3d(1, 1, 2, device=D)(normal(1, 1, 3, 3, 3)),
        nn.ConvTranspose2d(1, 1, 2, device=D)(normal(1, 1, 3, 3)),
        F.max_pool1d(normal(1, 1, 4), 2),
        F.adaptive_avg_pool2d(normal(1, 1, 4, 4), 2),
        F.lp_pool2d(normal(1, 1, 4, 4), 2, 2),
        F.max_unpool2d(*F.max_pool2d(normal(1, 1, 4, 4), 2, return_indices=True), 2),
        F.pad(normal(1, 1, 3), (1, 1), mode="reflect"),
        F.pad(normal(1, 1, 3, 3), (1, 1, 1, 1), mode="circular"),
        F.pixel_shuffle(normal(1, 4, 2, 2), 2),
        F.instance_norm(normal(1, 2, 3)),
        F.group_norm(normal(2, 4, 3), 2),
        F.local_response_norm(normal(1, 2, 3, 3), 2),
        F.normalize(normal(2, 3)),
        F.rms_norm(normal(2, 3), (3,)),
        F.prelu(normal(3), torch.tensor([0.2], device=D)),
        F.glu(normal(2, 4)),
        F.dropout2d(normal(1, 2, 3, 3)),
        F.alpha_dropout(normal(3)),
        F.one_hot(torch.tensor([1], device=D), 3),
        F.bilinear(normal(2, 3), normal(2, 4), normal(5, 3, 4)),
        F.batch_norm(normal(3, 2), None, None, training=True),
    ]


@piece
def recurrent_layers():
    out = []
    for C in (nn.RNN, nn.GRU, nn.LSTM):
        out.append(
            C(2, 3, num_layers=2, bidirectional=True, batch_first=True, device=D)(normal(2, 4, 2))[
                0
            ]
        )
    for C in (nn.RNNCell, nn.GRUCell):
        out.append(C(2, 3).to(D)(normal(2, 2)))
    out.append(nn.LSTMCell(2, 3, device=D)(normal(2, 2))[0])
    return out


@piece
def derivatives():
    x = normal(3).requires_grad_()
    return [
        torch.autograd.grad((x**2).sum(), x, create_graph=True)[0].detach(),
        torch.autograd.functional.jacobian(lambda x: x**2, x),
        torch.autograd.functional.hessian(lambda x: (x**3).sum(), x),
        torch.func.jacrev(lambda x: x**2)(x.detach()),
        torch.func.hessian(lambda x: (x**3).sum())(x.detach()),
        torch.autograd.functional.vjp(lambda x: x * 2, x, torch.ones_like(x))[1],
        *torch.func.vjp(torch.sin, x.detach())[1](torch.ones(3, device=D)),
        torch.func.jvp(torch.sin, (x.detach(),), (torch.ones(3, device=D),))[1],
    ]


@piece
def gradient_check():
    x = torch.randn(3, device=D, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: x**2, (x,))
    return x.detach()


@piece
def state_of_a_module():
    m = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).to(D)
    m2 = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).cuda(1)
    m2.load_state_dict(m.state_dict())
    return list(m2.parameters())


@piece
def forked_random_numbers():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.rand(3, device=D)


@piece
def changes_in_place():
    x = normal(3, 3)
    x += 1
    x.clamp_(0)
    x[0] = 1
    x[1] = normal(3)
    x[x > 0] = 0.0
    x.t_()
    x.zero_()
    x.fill_diagonal_(1)
    x.copy_(normal(3, 3))
    x.uniform_()
    x.random_(5)
    x.exponential_()
    x.resize_(2, 2)
    x.data[:] = 2
    x.requires_grad_()
    x.detach_()
    return x


@piece
def autocast_of_the_cpu():
    with torch.autocast("cpu"):
        return (normal(2, 2) @ normal(2, 2)).float()


@piece
def events():
    s = torch.cuda.Event(enable_timing=True)
    s.record()
    torch.cuda.synchronize()
    return normal(1)


@piece
def properties_of_the_device():
    assert "simulated" in torch.cuda.get_device_properties(0).name
    torch.cuda.get_device_name()
    torch.cuda.mem_get_info()
    torch.cuda.empty_cache()
    return normal(1)


@piece
def moves_with_a_dtype():
    return (
        torch.ones(3, dtype=torch.int64).to(D, torch.float32),
        torch.ones(3).to(D, copy=True),
        torch.ones(3).to(torch.float64, non_blocking=True).to(D),
        torch.tensor([torch.tensor(1.0).to(D), 2.0]).to(D),
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PIECES)
def test_the_library_runs_and_stays_on_the_device(name):
    with Simulation(devices=2):
        torch.manual_seed(0)
        results = tensors_in([PIECES[name]()])
    assert results
    assert {str(device_of(tensor)) for tensor in results} == {D}
