"""Known wrong implementations of unit 10: each replaces one function of the reference.

All are small changes of its text.
"""

from autograder.testing import mistake

# --- hidden_jacobian --------------------------------------------------------------------------

jacobian_is_transposed = mistake(
    "hidden_jacobian",
    "Your Jacobian is transposed: its row j belongs to unit j of the new state, its column i to "
    "unit i of the state before.",
    change={".unsqueeze(2) * w_hh.T": ".unsqueeze(1) * w_hh"},
)

weights_are_not_transposed = mistake(
    "hidden_jacobian",
    "You put w_hh into the Jacobian as it stands. Its rows are where the signal comes from, those "
    "of a Jacobian are results: transpose it.",
    change={"w_hh.T": "w_hh"},
)

slope_without_square = mistake(
    "hidden_jacobian",
    "The slope of tanh is 1 - h^2; you used 1 - h.",
    change={"h * h": "h"},
)

slope_of_the_sigmoid = mistake(
    "hidden_jacobian",
    "You used the slope of the sigmoid, h (1 - h). The activation is tanh: 1 - h^2.",
    change={"(1 - h * h)": "(h * (1 - h))"},
)

slope_on_the_columns = mistake(
    "hidden_jacobian",
    "You put the slopes on the columns. Tanh acts on the result, so each row of the Jacobian has "
    "the slope of its own unit.",
    change={"unsqueeze(2)": "unsqueeze(1)"},
)

slope_is_forgotten = mistake(
    "hidden_jacobian",
    "You left out the slope of tanh: this is the Jacobian of a linear network.",
    change={"(1 - h * h)": "(1 - 0 * h)"},
)

# --- jacobian_product -------------------------------------------------------------------------

product_is_reversed = mistake(
    "jacobian_product",
    "You multiplied the Jacobians in the order of time from left to right. The last step stands on "
    "the left: J_end ... J_{start+1}.",
    change={
        "hidden_jacobian(hs[:, t], w_hh) @ product": "product @ hidden_jacobian(hs[:, t], w_hh)"
    },
)

start_has_a_factor = mistake(
    "jacobian_product",
    "You have one factor too many: the Jacobian of step start leads to the state before it. "
    "There are end - start factors.",
    change={"range(start + 1, end + 1)": "range(start, end + 1)"},
)

factors_are_one_step_early = mistake(
    "jacobian_product",
    "You took the slopes at the state before each step: your factors are J_{end-1} ... J_start. "
    "The slope of a step is that of the state after it.",
    change={"hs[:, t]": "hs[:, t - 1]"},
)

end_is_left_out = mistake(
    "jacobian_product",
    "The last factor is missing: the step that leads to the state at end belongs to the product.",
    change={"end + 1)": "end)"},
)

empty_product_is_zero = mistake(
    "jacobian_product",
    "For start = end you returned zeros. A product of no factors is the identity: a state is its "
    "own derivative by itself.",
    change={"return product": "return product * float(start < end)"},
)

last_jacobian_for_every_step = mistake(
    "jacobian_product",
    "You used the Jacobian of the last step for every step. Each step has a state, and so a "
    "Jacobian, of its own.",
    change={"hs[:, t]": "hs[:, end]"},
)

# --- gradient_norms ---------------------------------------------------------------------------

norms_are_squared = mistake(
    "gradient_norms",
    "You returned squared norms: take the root of the sum of squares.",
    change={"torch.linalg.vector_norm(dh, dim=1)": "(dh * dh).sum(1)"},
)

time_is_reversed = mistake(
    "gradient_norms",
    "Your norms are in reverse order, the last step first: norms[:, 0] belongs to the first state.",
    change={"norms[::-1]": "norms"},
)

sums_of_absolute_values = mistake(
    "gradient_norms",
    "You took the sum of absolute values for the norm: it is the root of the sum of squares.",
    change={"vector_norm(dh, dim=1)": "vector_norm(dh, ord=1, dim=1)"},
)

one_norm_for_the_batch = mistake(
    "gradient_norms",
    "You took one norm over the batch: every sample has a norm of its own.",
    change={"vector_norm(dh, dim=1)": "vector_norm(dh).expand(samples)"},
)

weights_are_not_transposed_on_the_way = mistake(
    "gradient_norms",
    "You multiplied by w_hh on the way back: h w_hh goes back with w_hh transposed.",
    change={"w_hh.T": "w_hh"},
)

slope_is_left_out_on_the_way = mistake(
    "gradient_norms",
    "You left out the slopes of tanh: these are the norms in a linear network.",
    change={"(dh * (1 - hs[:, t] ** 2))": "dh"},
)

slope_of_the_state_before = mistake(
    "gradient_norms",
    "You took the slopes at the state before each step: on the way from a state to the one before "
    "it, the slope is that of the later one.",
    change={"hs[:, t]": "hs[:, max(t - 1, 0)]"},
)

slope_after_the_weights = mistake(
    "gradient_norms",
    "You multiplied by the weights first and by the slopes afterwards. Tanh comes last on the way "
    "forward, so it comes first on the way back.",
    change={"(dh * (1 - hs[:, t] ** 2)) @ w_hh.T": "(dh @ w_hh.T) * (1 - hs[:, t] ** 2)"},
)

norms_are_one_step_late = mistake(
    "gradient_norms",
    "Your norms are those one step further back: the norm of the last state is that of dh itself.",
    change={
        "norms.append(torch.linalg.vector_norm(dh, dim=1))": "",
        "w_hh.T": "w_hh.T\n        norms.append(torch.linalg.vector_norm(dh, dim=1))",
    },
)

# --- spectral_radius --------------------------------------------------------------------------

largest_singular_value = mistake(
    "spectral_radius",
    "You returned the largest singular value. It bounds one step; the spectral radius is the "
    "largest modulus of an eigenvalue, and never larger.",
    change={"torch.linalg.eigvals(w).abs()": "torch.linalg.svdvals(w)"},
)

largest_real_part = mistake(
    "spectral_radius",
    "You took the largest real part. The modulus of an eigenvalue counts, also of one that is "
    "negative or complex.",
    change={".abs()": ".real"},
)

modulus_of_real_parts = mistake(
    "spectral_radius",
    "You took the modulus of the real parts only. The modulus of a + bi is the root of a^2 + b^2.",
    change={".abs()": ".real.abs()"},
)

modulus_of_the_eigenvalue_that_leads = mistake(
    "spectral_radius",
    "You took the modulus of the eigenvalue with the largest real part. Another one, negative or "
    "complex, may have a larger modulus.",
    change={
        "torch.linalg.eigvals(w).abs().max()": "max(torch.linalg.eigvals(w), "
        "key=lambda value: float(value.real)).abs()"
    },
)

eigenvalues_as_if_symmetric = mistake(
    "spectral_radius",
    "You treated w as a symmetric matrix, of which one triangle says all (as `eigvalsh` does). It "
    "need not be symmetric.",
    change={"torch.linalg.eigvals(w)": "torch.linalg.eigvalsh(w)"},
)

frobenius_norm = mistake(
    "spectral_radius",
    "You returned the root of the sum of all squared entries, which is a norm of w and at least as "
    "large as the spectral radius.",
    change={"torch.linalg.eigvals(w).abs().max()": "torch.linalg.matrix_norm(w)"},
)

squared_modulus = mistake(
    "spectral_radius",
    "You returned the squared modulus of the largest eigenvalue: take the root.",
    change={".max()": ".max().square()"},
)

# --- power_gradient ---------------------------------------------------------------------------

weights_are_transposed = mistake(
    "power_gradient",
    "You used the powers of w_hh in place of those of its transpose: a row goes back with w_hh^T, "
    "which is w_hh times the gradient as a column.",
    change={"torch.linalg.eig(w_hh)": "torch.linalg.eig(w_hh.T)"},
)

powers_of_the_entries = mistake(
    "power_gradient",
    "You raised each entry of w_hh to the power. A power of a matrix is a product of matrices.",
    change={"(q @ (eigenvalues.unsqueeze(1) ** steps * components)).real.T": "g @ (w_hh.T**steps)"},
)

real_parts_of_eigenvalues = mistake(
    "power_gradient",
    "You used the real parts of the eigenvalues only. Calculate with complex numbers, and take the "
    "real part of the result.",
    change={"eigenvalues.unsqueeze": "eigenvalues.real.unsqueeze"},
)

moduli_of_eigenvalues = mistake(
    "power_gradient",
    "You used the moduli of the eigenvalues: sign and angle are lost, so nothing turns.",
    change={"eigenvalues.unsqueeze": "eigenvalues.abs().unsqueeze"},
)

transpose_for_the_inverse = mistake(
    "power_gradient",
    "You used the transpose of the matrix of eigenvectors for its inverse, which is only right "
    "where w_hh is symmetric.",
    change={"torch.linalg.solve(q, g.T.to(q.dtype))": "q.T @ g.T.to(q.dtype)"},
)

conjugate_transpose_for_the_inverse = mistake(
    "power_gradient",
    "You used the conjugate transpose of the matrix of eigenvectors for its inverse, which is only "
    "right where eigenvectors are orthogonal.",
    change={"torch.linalg.solve(q, g.T.to(q.dtype))": "q.mH @ g.T.to(q.dtype)"},
)

one_step_too_many = mistake(
    "power_gradient",
    "You went back one step too many: after `steps` steps there are exactly that many factors, and "
    "none for steps = 0.",
    change={"** steps": "** (steps + 1)"},
)

only_the_largest_eigenvalue = mistake(
    "power_gradient",
    "You kept the component of the largest eigenvalue only. That is what is left after very many "
    "steps; before, all components count.",
    change={
        "components)": "components * (eigenvalues.abs() >= eigenvalues.abs().max() * 0.999)"
        ".unsqueeze(1))"
    },
)

# --- linear_rnn_gradients ---------------------------------------------------------------------

own_term_is_missing = mistake(
    "linear_rnn_gradients",
    "The gradient that a state gets from its own output is missing: it is the term of the sum "
    "that has no factor w_hh^T.",
    change={"dhs[::-1], dim=1)": "dhs[::-1], dim=1) - own"},
)

own_term_is_sent_back_too = mistake(
    "linear_rnn_gradients",
    "You have one factor w_hh^T too many in every term: what comes from a state's own output has "
    "none.",
    change={"own[:, t] + dh @ w_hh.T": "(own[:, t] + dh) @ w_hh.T"},
)

recurrent_weights_are_not_transposed = mistake(
    "linear_rnn_gradients",
    "You multiplied by w_hh on the way back: h w_hh goes back with w_hh transposed.",
    change={"w_hh.T": "w_hh"},
)

nothing_comes_from_later = mistake(
    "linear_rnn_gradients",
    "Nothing flows back through time in your code: a state also gets what all later outputs send "
    "back.",
    change={" + dh @ w_hh.T": ""},
)

only_the_last_output_counts = mistake(
    "linear_rnn_gradients",
    "Your gradients are those of the last output only: there is a gradient at every step.",
    change={"own[:, t] + dh": "(own[:, t] if t == dos.shape[1] - 1 else 0) + dh"},
)

only_the_next_output_counts = mistake(
    "linear_rnn_gradients",
    "You sent back the gradient of the next output only, not the whole gradient of the next state: "
    "outputs that are further away are lost.",
    change={"own[:, t] + dh @ w_hh.T": "own[:, t] + own[:, t + 1 : t + 2].sum(1) @ w_hh.T"},
)

gradients_are_in_reverse = mistake(
    "linear_rnn_gradients",
    "Your gradients are in reverse order, the last step first.",
    change={"dhs[::-1]": "dhs"},
)

# --- residual_forward -------------------------------------------------------------------------

input_is_not_added = mistake(
    "residual_forward",
    "You returned the branch alone: x is added to it.",
    change={"return x + r": "return r"},
)

relu_after_the_sum = mistake(
    "residual_forward",
    "You applied the ReLU after the sum, where nothing comes in this layer.",
    change={"x + r @ w2 + b2": "torch.relu(x + r @ w2 + b2)"},
)

relu_after_the_branch = mistake(
    "residual_forward",
    "You applied the ReLU to the whole branch, too: then it can only add, never take away.",
    change={"r @ w2 + b2": "torch.relu(r @ w2 + b2)"},
)

branch_has_no_relu = mistake(
    "residual_forward",
    "Your branch has no ReLU between its two products, so that the layer is affine.",
    change={"torch.relu": ""},
)

second_bias_is_forgotten = mistake(
    "residual_forward",
    "You left out b2, the bias at the end of the branch.",
    change={"r @ w2 + b2": "r @ w2"},
)

first_bias_is_forgotten = mistake(
    "residual_forward",
    "You left out b1, the bias before the ReLU.",
    change={"x @ w1 + b1": "x @ w1"},
)

# --- residual_backward ------------------------------------------------------------------------

skip_is_missing = mistake(
    "residual_backward",
    "Your dx goes through the branch only: dout also reaches x directly, unchanged.",
    change={"dout + dz @ w1.T": "dz @ w1.T"},
)

branch_is_missing = mistake(
    "residual_backward",
    "Your dx is dout alone: x has a second consumer, the branch.",
    change={"dout + dz @ w1.T": "dout"},
)

residual_mask_is_missing = mistake(
    "residual_backward",
    "You left out the mask of the ReLU: where its output is 0, nothing comes back through it.",
    change={" * (r > 0)": ""},
)

residual_gradients_are_averaged = mistake(
    "residual_backward",
    "You averaged the gradients of the weights and biases over the batch: they are sums over the "
    "samples.",
    change={
        "x.T @ dz, dz.sum(0), r.T @ dout, dout.sum(0)": (
            "x.T @ dz / len(x), dz.mean(0), r.T @ dout / len(x), dout.mean(0)"
        )
    },
)

dout_is_changed_in_place = mistake(
    "residual_backward",
    "You added what comes through the branch into dout itself. It belongs to the caller: make a "
    "new tensor.",
    change={
        "return dout + dz @ w1.T, x.T @ dz, dz.sum(0), r.T @ dout, dout.sum(0)": (
            "dw2, db2 = r.T @ dout, dout.sum(0)\n"
            "    return dout.add_(dz @ w1.T), x.T @ dz, dz.sum(0), dw2, db2"
        )
    },
)

# --- highway_forward --------------------------------------------------------------------------

gate_and_carry_are_exchanged = mistake(
    "highway_forward",
    "You exchanged T and 1 - T: the gate T says how much is new, 1 - T how much of x is carried.",
    change={"t * h + (1 - t) * x": "(1 - t) * h + t * x"},
)

carry_is_missing = mistake(
    "highway_forward",
    "You left out the carry (1 - T) x.",
    change={"t * h + (1 - t) * x": "t * h"},
)

carry_is_not_gated = mistake(
    "highway_forward",
    "You added all of x: only the part 1 - T of it is carried.",
    change={"(1 - t) * x": "x"},
)

new_features_are_not_gated = mistake(
    "highway_forward",
    "You added all of the new features: only the part T of them is taken.",
    change={"t * h +": "h +"},
)

activations_are_exchanged = mistake(
    "highway_forward",
    "You exchanged the activations: the new features are a tanh, the gate is a sigmoid.",
    change={"torch.tanh(x": "torch.sigmoid(x", "torch.sigmoid(x @ w_t": "torch.tanh(x @ w_t"},
)

weights_are_exchanged = mistake(
    "highway_forward",
    "You exchanged the weights of the gate and those of the new features.",
    change={
        "(x @ w_h + b_h)": "(x @ w_t + b_t)",
        "sigmoid(x @ w_t + b_t)": "sigmoid(x @ w_h + b_h)",
    },
)

# --- highway_backward -------------------------------------------------------------------------

gate_gradient_without_the_input = mistake(
    "highway_backward",
    "The gradient of the gate is dout (H - x): opening it takes away x as well. You used dout H.",
    change={"(h - x)": "h"},
)

carry_is_missing_in_dx = mistake(
    "highway_backward",
    "Your dx lacks dout (1 - T), what comes back along the carry.",
    change={"dout * (1 - t) + dz_h": "dz_h"},
)

gate_and_carry_are_exchanged_in_dx = mistake(
    "highway_backward",
    "You exchanged T and 1 - T in what comes back directly: the carry is 1 - T.",
    change={"dx = dout * (1 - t)": "dx = dout * t"},
)

gate_is_a_constant = mistake(
    "highway_backward",
    "Your dx treats the gate as a constant: x also works through the gate.",
    change={" + dz_t @ w_t.T": ""},
)

new_features_are_missing_in_dx = mistake(
    "highway_backward",
    "Your dx lacks what comes back through the new features H.",
    change={" + dz_h @ w_h.T": ""},
)

carry_weighs_the_new_features = mistake(
    "highway_backward",
    "You multiplied the gradient of the new features by 1 - T: they were multiplied by T.",
    change={"dout * t * (1 - h * h)": "dout * (1 - t) * (1 - h * h)"},
)

slope_of_tanh_is_missing = mistake(
    "highway_backward",
    "You left out the slope of tanh, 1 - H^2, before the new features.",
    change={" * (1 - h * h)": ""},
)

slope_of_the_gate_is_missing = mistake(
    "highway_backward",
    "You left out the slope of the sigmoid, T (1 - T), before the gate.",
    change={"(h - x) * t * (1 - t)": "(h - x)"},
)

biases_are_averaged = mistake(
    "highway_backward",
    "You averaged the gradients of the biases over the batch: they are sums over the samples.",
    change={"dz_h.sum(0)": "dz_h.mean(0)", "dz_t.sum(0)": "dz_t.mean(0)"},
)

# --- dense_forward ----------------------------------------------------------------------------

new_features_come_first = mistake(
    "dense_forward",
    "You put the new features in front. They come behind all that were there before.",
    change={"[x, new]": "[new, x]"},
)

dense_relu_is_missing = mistake(
    "dense_forward",
    "You left out the ReLU: the new features are never negative.",
    change={"torch.relu": ""},
)

relu_of_everything = mistake(
    "dense_forward",
    "You applied the ReLU to the old features as well. They are passed on as they are.",
    change={"torch.cat([x, new], dim=1)": "torch.cat([x.relu(), new], dim=1)"},
)

dense_bias_is_forgotten = mistake(
    "dense_forward",
    "You left out the biases of the layers.",
    change={"x @ w + b": "x @ w"},
)

input_is_not_passed_on = mistake(
    "dense_forward",
    "The features of x are missing at the beginning of your result: it holds all features, those "
    "of x too.",
    change={"return x,": "return x[:, x.shape[1] - sum(w.shape[1] for w, _ in layers) :],"},
)

# --- dense_backward ---------------------------------------------------------------------------

direct_copy_is_lost = mistake(
    "dense_backward",
    "You lost what goes straight on: the part of dout that belongs to the old features is added to "
    "what comes back through the layer.",
    change={"dx + dz @ w.T": "dz @ w.T"},
)

layers_send_nothing_back = mistake(
    "dense_backward",
    "Nothing comes back through your layers: what each of them has read gets dz w^T as well.",
    change={"dx + dz @ w.T": "dx"},
)

dense_mask_is_missing = mistake(
    "dense_backward",
    "You left out the mask of the ReLU: where a new feature is 0, nothing comes back through it.",
    change={"dnew * (new > 0)": "dnew"},
)

dlayers_are_in_reverse = mistake(
    "dense_backward",
    "Your dlayers are in reverse order, the last layer first.",
    change={"dlayers[::-1]": "dlayers"},
)

split_for_new_features_in_front = mistake(
    "dense_backward",
    "You split dout as if the new features stood in front: they stand behind the old ones.",
    change={
        "dx, dnew = dout.split([x.shape[1], new.shape[1]], dim=1)": (
            "dnew, dx = dout.split([new.shape[1], x.shape[1]], dim=1)"
        )
    },
)

dense_gradients_are_averaged = mistake(
    "dense_backward",
    "You averaged the gradients of weights and biases over the batch: they are sums over the "
    "samples.",
    change={"(x.T @ dz, dz.sum(0))": "(x.T @ dz / len(x), dz.mean(0))"},
)

dense_dout_is_changed_in_place = mistake(
    "dense_backward",
    "You added what comes back through a layer into dout itself. It belongs to the caller: make a "
    "new tensor.",
    change={"dx + dz @ w.T": "dx.add_(dz @ w.T)"},
)

# --- on a second device ------------------------------------------------------------------------

identity_on_the_cpu = mistake(
    "jacobian_product",
    "The identity that you start from is made on the CPU: give torch.eye the device of hs.",
    change={", device=hs.device": ""},
    on="cuda",
)

gradients_are_collected_on_the_cpu = mistake(
    "linear_rnn_gradients",
    'You wrote the device "cpu" into your code, so that the gradients are collected there: ask dos '
    "for its device.",
    change={"torch.stack(dhs[::-1], dim=1)": 'torch.stack(dhs[::-1], dim=1).to("cpu")'},
    on="cuda",
)

eigenvalues_in_numpy = mistake(
    "spectral_radius",
    "You go through NumPy for the eigenvalues, which knows the CPU only: torch has the same "
    "functions for tensors.",
    change={"torch.linalg.eigvals(w)": "torch.linalg.eigvals(torch.from_numpy(w.numpy()))"},
    on="cuda",
)
