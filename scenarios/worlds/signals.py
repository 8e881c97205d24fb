"""Building blocks of the sensors' models: coloured noise, bands, pulses, rotations.

Shapes: T samples, K sources.
"""

from __future__ import annotations

import numpy as np

from fedxr.scenarios.personas import Array


def coloured(rng: np.random.Generator, n: int, rate_hz: float, slope: float, k: int = 1) -> Array:
    """(k, n) noise of σ 1 whose power falls as f^-slope (0 white, 1 pink, 2 a slow wander)."""
    f: Array = np.fft.rfftfreq(n, 1 / rate_hz).astype(np.float64)
    f[0] = f[1]
    shape: Array = f ** (-slope / 2)
    return _noise(rng, shape, n, k)


def band(
    rng: np.random.Generator, n: int, rate_hz: float, centre_hz: float, width_hz: float, k: int = 1
) -> Array:
    """(k, n) narrow noise of σ 1 around ``centre_hz`` (a Gaussian of σ ``width_hz``)."""
    f = np.fft.rfftfreq(n, 1 / rate_hz)
    return _noise(rng, np.exp(-0.5 * ((f - centre_hz) / width_hz) ** 2), n, k)


def _noise(rng: np.random.Generator, shape: Array, n: int, k: int) -> Array:
    z = rng.standard_normal((k, len(shape), 2))
    x = np.fft.irfft((z[..., 0] + 1j * z[..., 1]) * shape, n)
    return np.asarray(x / (x.std(axis=-1, keepdims=True) + 1e-12))


def wander(rng: np.random.Generator, t: Array, scale: float, speed_hz: float, k: int = 1) -> Array:
    """(T, k) smooth wandering of σ about ``scale``: four slow sines of random phase and rate."""
    rate = speed_hz * rng.uniform(0.3, 1.3, (4, 1, k))
    phase = rng.uniform(0, 2 * np.pi, (4, 1, k))
    waves = np.sin(2 * np.pi * rate * t[None, :, None] + phase)
    return np.asarray(scale * waves.sum(axis=0) / np.sqrt(2.0))


def unit(rng: np.random.Generator) -> Array:
    """(3,) a random direction."""
    v = rng.standard_normal(3)
    return np.asarray(v / np.linalg.norm(v))


def turned(v: Array, axis: Array, angle: Array) -> Array:
    """(T, 3) vectors ``v``, (3,) or (T, 3), turned by ``angle`` (T,) rad about ``axis`` (3,)."""
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    v = np.broadcast_to(v, (len(angle), 3))
    along = (v @ axis)[:, None] * axis
    return np.asarray(v * c + np.cross(axis, v) * s + along * (1 - c))


def quaternion(axis: Array, angle: Array) -> Array:
    """(T, 4) x y z w of turns by ``angle`` (T,) rad about ``axis`` (3,)."""
    half = np.asarray(angle) / 2
    return np.concatenate([np.sin(half)[..., None] * axis, np.cos(half)[..., None]], axis=-1)


def product(a: Array, b: Array) -> Array:
    """(..., 4) the quaternion that turns first by ``b``, then by ``a`` (x y z w)."""
    av, aw, bv, bw = a[..., :3], a[..., 3:], b[..., :3], b[..., 3:]
    vector = aw * bv + bw * av + np.cross(av, bv)
    scalar = aw * bw - (av * bv).sum(axis=-1, keepdims=True)
    return np.concatenate([vector, scalar], axis=-1)


def rotated(q: Array, v: Array) -> Array:
    """(..., 3) the vectors ``v`` turned by the quaternions ``q`` (broadcast)."""
    w, u = q[..., 3:], q[..., :3]
    twice = 2 * np.cross(np.broadcast_to(u, v.shape), v)
    return np.asarray(v + w * twice + np.cross(np.broadcast_to(u, v.shape), twice))


def smooth(x: Array, n: int) -> Array:
    """(T,) or (T, k): running mean over ``n`` samples, same length, edges repeated."""
    if n <= 1:
        return x
    flat = x.reshape(len(x), -1)
    padded = np.concatenate([np.repeat(flat[:1], n, axis=0), flat, np.repeat(flat[-1:], n, axis=0)])
    total = np.cumsum(padded, axis=0)
    lo = n - n // 2 - 1
    mean = (total[lo + n : lo + n + len(x)] - total[lo : lo + len(x)]) / n
    return np.asarray(mean.reshape(x.shape))
