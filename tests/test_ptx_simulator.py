"""The simulator of warps that stands in for a card does what PTX says: each of these would show if it did not."""

from __future__ import annotations

import numpy as np
import pytest
from ptx_simulator import needs_gcc, simulated

HEADER = ".version 7.0\n.target sm_80\n.address_size 64\n"
TAKE = "atom.global.add.u64 %rd3, [%rd1], 1;"  # the next number of a counter that all threads share

# Whoever takes i writes to out[i]: i halved as long as it is even, and the number of halvings.
DIVERGES = f"""{HEADER}
.func halve(
	.param .b64 halve_param_0,
	.param .b64 halve_param_1
)
{{
	.reg .b64 %rd<5>;
	ld.param.b64 %rd1, [halve_param_0];
	ld.param.b64 %rd2, [halve_param_1];
	ld.b64 %rd3, [%rd1];
	shr.u64 %rd4, %rd3, 1;
	st.b64 [%rd1], %rd4;
	ld.b64 %rd3, [%rd2];
	add.s64 %rd3, %rd3, 1;
	st.b64 [%rd2], %rd3;
	ret;
}}
.visible .entry run(
	.param .b64 run_param_0,
	.param .b64 run_param_1,
	.param .b64 run_param_2
)
{{
	.local .align 8 .b8 __local_depot1[16];
	.reg .b64 %SP;
	.reg .b64 %SPL;
	.reg .pred %p<4>;
	.reg .b64 %rd<12>;
	mov.b64 %SPL, __local_depot1;
	cvta.local.u64 %SP, %SPL;
	ld.param.b64 %rd1, [run_param_0];
	ld.param.b64 %rd2, [run_param_1];
	ld.param.b64 %rd10, [run_param_2];
$L__TAKE:
	{TAKE}
	setp.ge.s64 %p1, %rd3, %rd10;
	@%p1 bra $L__END;
	add.s64 %rd4, %SP, 0;
	add.s64 %rd5, %SP, 8;
	st.b64 [%SP+0], %rd3;
	mov.b64 %rd6, 0;
	st.b64 [%SP+8], %rd6;
$L__LOOP:
	ld.b64 %rd7, [%SP+0];
	and.b64 %rd8, %rd7, 1;
	setp.ne.b64 %p2, %rd8, 0;
	setp.eq.b64 %p3, %rd7, 0;
	or.pred %p2, %p2, %p3;
	@%p2 bra $L__DONE;
	{{ // callseq 0, 0
	.param .b64 param0;
	.param .b64 param1;
	st.param.b64 [param0], %rd4;
	st.param.b64 [param1], %rd5;
	call.uni
	halve,
	(
	param0,
	param1
	);
	}} // callseq 0
	bra.uni $L__LOOP;
$L__DONE:
	shl.b64 %rd9, %rd3, 4;
	add.s64 %rd9, %rd2, %rd9;
	ld.b64 %rd11, [%SP+8];
	st.global.v2.b64 [%rd9], {{%rd7, %rd11}};
	bra.uni $L__TAKE;
$L__END:
	ret;
}}
"""


def run(ptx: str, folder, *arguments: np.ndarray | int, blocks: int = 3, threads: int = 32) -> None:
    needs_gcc()
    values = [a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments]
    table = np.array(values, dtype=np.uint64)
    simulated(ptx, folder).launch(table.ctypes.data, blocks, threads)


@pytest.mark.parametrize(("blocks", "threads"), [(1, 1), (1, 32), (3, 32), (2, 70)])
def test_threads_that_part_in_a_loop_with_calls_meet_again(tmp_path, blocks: int, threads: int) -> None:
    numbers = np.arange(200)
    counter, out = np.zeros(1, dtype=np.int64), np.full((200, 2), -1)
    run(DIVERGES, tmp_path, counter, out, 200, blocks=blocks, threads=threads)
    halvings = np.where(numbers == 0, 0, np.log2(np.maximum(numbers & -numbers, 1)).astype(int))
    np.testing.assert_array_equal(out[:, 1], halvings)
    np.testing.assert_array_equal(out[:, 0], numbers >> halvings)
    assert counter[0] == 200 + blocks * threads  # each thread looked once in vain


def computed(tmp_path, instruction: str, *values: float | int) -> np.ndarray:
    """What an instruction makes of up to three numbers, as its bits."""
    bits = np.array([np.float64(v).view(np.int64) if isinstance(v, float) else v for v in values], dtype=np.int64)
    loads = "\n".join(f"ld.global.b64 %rd{4 + i}, [%rd1+{8 * i}];" for i in range(len(values)))
    text = f"""{HEADER}
.visible .entry run(
	.param .b64 run_param_0,
	.param .b64 run_param_1
)
{{
	.reg .pred %p<3>;
	.reg .b64 %rd<9>;
	ld.param.b64 %rd1, [run_param_0];
	ld.param.b64 %rd2, [run_param_1];
	{loads}
	{instruction}
	st.global.b64 [%rd2], %rd3;
	ret;
}}
"""
    out = np.zeros(1, dtype=np.int64)
    run(text, tmp_path, bits, out, blocks=1, threads=1)
    return out


NAN = float("nan")


@pytest.mark.parametrize(
    ("instruction", "values", "result"),
    [
        ("fma.rn.f64 %rd3, %rd4, %rd5, %rd6;", (1 + 2.0**-52, 1 - 2.0**-52, -1.0), -(2.0**-104)),
        ("mul.rn.f64 %rd3, %rd4, %rd5;\nadd.rn.f64 %rd3, %rd3, %rd6;", (1 + 2.0**-52, 1 - 2.0**-52, -1.0), 0.0),
        ("max.f64 %rd3, %rd4, %rd5;", (NAN, 2.0), 2.0),
        ("min.f64 %rd3, %rd4, %rd5;", (0.0, -0.0), -0.0),
        ("rcp.rn.f64 %rd3, %rd4;", (3.0,), 1 / 3),
        ("neg.f64 %rd3, %rd4;", (0.0,), -0.0),
        ("abs.f64 %rd3, %rd4;", (-2.5,), 2.5),
        ("cvt.rmi.f64.f64 %rd3, %rd4;", (-1.5,), -2.0),
        ("cvt.rzi.s64.f64 %rd3, %rd4;", (-1.5,), -1),
        ("cvt.rn.f64.s64 %rd3, %rd4;", (-(2**60) - 1,), -(2.0**60)),
        ("shr.s64 %rd3, %rd4, 4;", (-32,), -2),
        ("shr.u64 %rd3, %rd4, 60;", (-1,), 15),
        ("shl.b64 %rd3, %rd4, 64;", (1,), 0),
        ("mad.lo.s64 %rd3, %rd4, %rd5, %rd6;", (3, -5, 1), -14),
        ("max.s64 %rd3, %rd4, %rd5;", (-3, 2), 2),
        ("not.b64 %rd3, %rd4;", (0,), -1),
        ("setp.lt.f64 %p1, %rd4, %rd5;\nselp.b64 %rd3, 1, 0, %p1;", (NAN, 1.0), 0),
        ("setp.geu.f64 %p1, %rd4, %rd5;\nselp.b64 %rd3, 1, 0, %p1;", (NAN, 1.0), 1),
        ("setp.neu.f64 %p1, %rd4, %rd5;\nselp.b64 %rd3, 1, 0, %p1;", (NAN, NAN), 1),
        ("setp.ne.f64 %p1, %rd4, %rd5;\nselp.b64 %rd3, 1, 0, %p1;", (NAN, 1.0), 0),
        ("setp.nan.f64 %p1, %rd4, %rd5;\nselp.b64 %rd3, 1, 0, %p1;", (1.0, NAN), 1),
        ("setp.gt.u64 %p1, %rd4, %rd5;\nselp.b64 %rd3, 7, 9, %p1;", (-1, 1), 7),
        ("setp.gt.s64 %p1, %rd4, %rd5;\n@!%p1 mov.b64 %rd3, 5;", (-1, 1), 5),
        ("mov.b64 %rd3, 0dC000000000000000;", (), -2.0),
    ],
)
def test_an_instruction(tmp_path, instruction: str, values: tuple, result: float | int) -> None:
    wanted = np.float64(result).view(np.int64) if isinstance(result, float) else result
    assert computed(tmp_path, instruction, *values)[0] == wanted


def test_what_it_does_not_know_is_refused(tmp_path) -> None:
    with pytest.raises((KeyError, ValueError)):
        computed(tmp_path, "vote.sync.any.pred %p1, %p2, -1;")
