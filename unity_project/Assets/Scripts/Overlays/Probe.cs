using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// The contact probe in the user's hand. It rests on one machine at a time, and that machine's
    /// wear is what the simulated vibration shows.
    /// </summary>
    public sealed class Probe : MonoBehaviour
    {
        [SerializeField] Machine[] machines;

        [Tooltip("What lies on the machine: the tip.")]
        [SerializeField] Transform tip;

        [Tooltip("How far above a machine's middle the tip rests, in metres.")]
        [SerializeField] float height = 0.55f;

        /// <summary>Number of the machine it rests on.</summary>
        public int On { get; private set; }

        /// <summary>The machine it rests on.</summary>
        public Machine Machine
        {
            get { return machines[On]; }
        }

        /// <summary>Moves it to the next machine.</summary>
        public void Next()
        {
            On = (On + 1) % machines.Length;
        }

        void Update()
        {
            Vector3 goal = Machine.transform.position + height * Vector3.up;
            tip.position = Vector3.Lerp(tip.position, goal, Mathf.Clamp01(6f * Time.deltaTime));
        }
    }
}
