"""What a GPU must give: the CPU's results. Skipped where there is none."""

import pytest
import torch
from gpu_cases import CHECKS, run_check

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


@pytest.mark.parametrize("name", CHECKS)
def test_the_gpu_gives_what_the_cpu_does(name):
    run_check(name, "cuda")
