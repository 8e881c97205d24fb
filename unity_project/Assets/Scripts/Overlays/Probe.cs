using UnityEngine;

namespace Fedxr
{
    /// <summary>The contact probe in the user's hand. It lies on one machine at a time.</summary>
    public sealed class Probe : MonoBehaviour
    {
        [SerializeField] Machine[] machines;

        [Tooltip("What lies on the machine: the tip.")]
        [SerializeField] Transform tip;

        [Tooltip("How far above a machine's foot the tip lies, in metres.")]
        [SerializeField] float height = 1f;

        int on;

        /// <summary>The machine that it lies on.</summary>
        public Machine Machine
        {
            get { return machines[on]; }
        }

        /// <summary>Lays it on a machine that is worn like this (0 healthy, 1 worn, 2 failing).</summary>
        public void LayOn(int wear)
        {
            for (int i = 0; i < machines.Length && Machine.Wear != wear; i++)
                on = i;
        }

        void Update()
        {
            Vector3 goal = Machine.transform.position + height * Vector3.up;
            tip.position = Vector3.Lerp(tip.position, goal, Mathf.Clamp01(6f * Time.deltaTime));
        }
    }
}
