"use strict";
// The generator: a list of layers over one vector of weights.  Runs in a page and in Node.
const Net = (() => {
  function half(bits) {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent === 0) return sign * 2 ** -24 * fraction;
    return exponent === 31 ? NaN : sign * 2 ** (exponent - 25) * (1024 + fraction);
  }

  // Weights are little-endian, as every machine that runs a browser is.
  function decode(base64, precision) {
    const text = atob(base64), bytes = new Uint8Array(text.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
    if (precision === "float32") return new Float32Array(bytes.buffer);
    const halves = Float32Array.from({ length: 65536 }, (_, bits) => half(bits));
    const read = new Uint16Array(bytes.buffer), weights = new Float32Array(read.length);
    for (let i = 0; i < weights.length; i++) weights[i] = halves[read[i]];
    return weights;
  }

  function linear(layer, weight, bias, x) {
    const y = new Float32Array(layer.outputs);
    for (let o = 0; o < layer.outputs; o++) {
      const start = o * layer.inputs, even = layer.inputs & ~3;
      let a = bias[o], b = 0, c = 0, d = 0;  // four sums: they need not wait for each other
      for (let i = 0, at = start; i < even; i += 4, at += 4) {
        a += weight[at] * x[i];
        b += weight[at + 1] * x[i + 1];
        c += weight[at + 2] * x[i + 2];
        d += weight[at + 3] * x[i + 3];
      }
      for (let i = even; i < layer.inputs; i++) a += weight[start + i] * x[i];
      y[o] = a + b + c + d;
    }
    return y;
  }

  function affine(layer, weight, bias, x) {
    return x.map((value, i) => {
      const channel = Math.floor(i / layer.inner);
      return value * weight[channel] + bias[channel];
    });
  }

  // The class is the largest of the last inputs.
  function classAffine(layer, weight, bias, x, latent) {
    const marks = latent.subarray(latent.length - layer.classes), start = layer.channels * marks.indexOf(Math.max(...marks));
    const part = (values) => values.subarray(start, start + layer.channels);
    return affine(layer, part(weight), part(bias), x);
  }

  // Where x * stride - padding + offset lies within [0, size), for x within [0, count).
  function reach(offset, stride, padding, size, count) {
    return [Math.max(0, Math.ceil((padding - offset) / stride)),
            Math.min(count - 1, Math.floor((size - 1 + padding - offset) / stride))];
  }

  // Both convolutions join a small grid and a large one: large = small * stride - padding + place in the kernel.
  function convolution(layer, weight, bias, x) {
    const up = layer.op === "deconv", [channels, ...before] = layer.from, [outputs, ...after] = layer.to;
    const [small, large] = up ? [before, after] : [after, before];
    const [kh, kw] = layer.kernel, [sh, sw] = layer.stride, [ph, pw] = layer.padding;
    const read = before[0] * before[1], written = after[0] * after[1];
    const y = new Float32Array(outputs * written).map((_, i) => bias[Math.floor(i / written)]);
    const places = [];
    for (let i = 0; i < kh; i++) for (let j = 0; j < kw; j++) {
      const [top, bottom] = reach(i, sh, ph, large[0], small[0]), [left, right] = reach(j, sw, pw, large[1], small[1]);
      places.push({ i, j, top, bottom, left, right });
    }
    for (let o = 0; o < outputs; o++) for (let c = 0; c < channels; c++)
      for (let place = 0; place < places.length; place++) {
        const { i, j, top, bottom, left, right } = places[place];
        const w = weight[(o * channels + c) * places.length + place];
        for (let row = top; row <= bottom; row++) {
          let a = row * small[1] + left, b = (row * sh - ph + i) * large[1] + left * sw - pw + j;
          if (up) {
            a += c * read;
            b += o * written;
            for (let n = left; n <= right; n++, a++, b += sw) y[b] += w * x[a];
          } else {
            a += o * written;
            b += c * read;
            for (let n = left; n <= right; n++, a++, b += sw) y[a] += w * x[b];
          }
        }
      }
    return y;
  }

  function upsample(layer, weight, bias, x) {
    const [channels, height, width] = layer.from, [, tall, wide] = layer.to;
    const y = new Float32Array(channels * tall * wide);
    for (let i = 0; i < y.length; i++) {
      const column = i % wide, row = Math.floor(i / wide) % tall, channel = Math.floor(i / (wide * tall));
      y[i] = x[(channel * height + Math.floor(row * height / tall)) * width + Math.floor(column * width / wide)];
    }
    return y;
  }

  const each = (make) => (layer, weight, bias, x) => x.map(make(layer));
  const OPS = {
    linear, affine, class_affine: classAffine, upsample, conv: convolution, deconv: convolution,
    first: (layer, weight, bias, x) => x.subarray(0, layer.count),
    relu: each(() => (v) => Math.max(v, 0)),
    leaky_relu: each((layer) => (v) => v > 0 ? v : layer.negative_slope * v),
    softplus: each(({ beta }) => (v) => (Math.max(beta * v, 0) + Math.log1p(Math.exp(-Math.abs(beta * v)))) / beta),
    tanh: each(() => Math.tanh),
    sigmoid: each(() => (v) => 1 / (1 + Math.exp(-v))),
  };

  function run(layers, weights, latent) {
    const inputs = Float32Array.from(latent);
    return layers.reduce((x, layer) => {
      const part = (range) => range && weights.subarray(range[0], range[0] + range[1]);
      return OPS[layer.op](layer, part(layer.weight), part(layer.bias), x, inputs);
    }, inputs);
  }

  return { decode, run };
})();
