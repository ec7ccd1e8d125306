"""Wave to discrete codes and back."""
